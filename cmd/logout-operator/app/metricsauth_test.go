package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

var plane *controlplane.ControlPlane

func TestMain(m *testing.M) {
	os.Exit(controlplane.Main(m, controlplane.Options{}, func(cp *controlplane.ControlPlane) { plane = cp }))
}

// TestMetricsAreForTheAuthorized reviews callers as the operator's own ServiceAccount, under the RBAC of config/.
func TestMetricsAreForTheAuthorized(t *testing.T) {
	if err := operatortest.Install(t.Context(), plane); err != nil {
		t.Fatal(err)
	}
	nobody := "{apiVersion: v1, kind: ServiceAccount, metadata: {name: nobody, namespace: monitoring}}"
	callers := operatortest.Manifests(operatortest.Tenant("monitoring", false),
		operatortest.Scraper("monitoring", "scraper"), nobody)
	if err := plane.Apply(t.Context(), callers); err != nil {
		t.Fatal(err)
	}
	account := func(namespace, name string) *rest.Config {
		config, err := plane.ServiceAccountConfig(t.Context(), namespace, name)
		if err != nil {
			t.Fatal(err)
		}
		return config
	}
	own := account("logout-operator-system", "logout-operator")
	httpClient, err := rest.HTTPClientFor(own)
	if err != nil {
		t.Fatal(err)
	}
	clock := time.Now()
	filter, err := filterAt(own, httpClient, func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	served := 0
	handler, err := filter(logr.Discard(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, authorization string) int {
		req := httptest.NewRequest(method, path, nil)
		req.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		return w.Code
	}
	scraper := "Bearer " + account("monitoring", "scraper").BearerToken
	for _, tt := range []struct {
		name, method, path, authorization string
		want                              int
	}{
		{"anonymous", http.MethodGet, "/metrics", "", http.StatusUnauthorized},
		{"empty token", http.MethodGet, "/metrics", "Bearer ", http.StatusUnauthorized},
		{"password", http.MethodGet, "/metrics", "Basic YTpi", http.StatusUnauthorized},
		{"made up token", http.MethodGet, "/metrics", "Bearer abc", http.StatusUnauthorized},
		{"without permission", http.MethodGet, "/metrics", "Bearer " + account("monitoring", "nobody").BearerToken,
			http.StatusForbidden},
		{"another path", http.MethodGet, "/debug", scraper, http.StatusForbidden},
		{"another verb", http.MethodPost, "/metrics", scraper, http.StatusForbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ask(tt.method, tt.path, tt.authorization); got != tt.want || served > 0 {
				t.Errorf("answered %d, want %d; served %d", got, tt.want, served)
			}
		})
	}
	if got := ask(http.MethodGet, "/metrics", scraper); got != http.StatusOK || served != 1 {
		t.Errorf("with permission: answered %d, served %d", got, served)
	}

	// Fifty made-up tokens a second from the scraper's own address take nothing from the scraper, whatever they claim
	// to be.
	answers, n := map[int]int{}, 0
	flood := func(seconds int, kinds ...string) {
		for range 50 * seconds {
			clock = clock.Add(20 * time.Millisecond)
			answers[ask(http.MethodGet, "/metrics", fmt.Sprintf("Bearer "+kinds[n%len(kinds)], n))]++
			n++
		}
	}
	const madeUp, forged = "made-up-%d", "e30.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6YTpiIn0.made-up-%d"
	for range 10 {
		clock = clock.Add(goodFor) // so that the token has to be reviewed
		flood(2, madeUp, forged)
		if got := ask(http.MethodGet, "/metrics", scraper); got != http.StatusOK {
			t.Errorf("beside made up tokens: answered %d", got)
		}
	}
	clock = clock.Add(time.Minute)
	flood(2, madeUp)
	scraper = "Bearer " + account("monitoring", "scraper").BearerToken
	if got := ask(http.MethodGet, "/metrics", scraper); got != http.StatusOK {
		t.Errorf("a new token beside made up ones: answered %d", got)
	}
	if answers[http.StatusTooManyRequests] == 0 || len(answers) != 2 || answers[http.StatusUnauthorized] > 1000 {
		t.Errorf("made up tokens were answered %v", answers)
	}

	// A caller that has lost its permission is accepted for as long as documented, and no longer than the API server
	// takes.
	admin, err := client.New(plane.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.Delete(t.Context(),
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "scraper"}}); err != nil {
		t.Fatal(err)
	}
	if got := ask(http.MethodGet, "/metrics", scraper); got != http.StatusOK {
		t.Errorf("at once after the permission was taken away: answered %d", got)
	}
	got := 0
	for deadline := time.Now().Add(time.Minute); got != http.StatusForbidden && time.Now().Before(deadline); {
		// so that the API server is asked each time; it takes a moment to hear of the change
		clock = clock.Add(goodFor)
		got = ask(http.MethodGet, "/metrics", scraper)
	}
	if got != http.StatusForbidden {
		t.Errorf("later: answered %d", got)
	}
}
