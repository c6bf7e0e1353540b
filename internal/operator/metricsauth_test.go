package operator

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"

	"github.com/logout-operator/logout-operator/test/controlplane"
	"github.com/logout-operator/logout-operator/test/operatortest"
)

var plane *controlplane.ControlPlane

func TestMain(m *testing.M) {
	os.Exit(controlplane.Main(m, controlplane.Options{}, func(cp *controlplane.ControlPlane) { plane = cp }))
}

// TestMetricsAreForTheAuthorized reviews callers as the operator's own
// ServiceAccount, under the RBAC of config/.
func TestMetricsAreForTheAuthorized(t *testing.T) {
	if err := operatortest.Install(t.Context(), plane); err != nil {
		t.Fatal(err)
	}
	nobody := "{apiVersion: v1, kind: ServiceAccount, metadata: {name: nobody, namespace: monitoring}}"
	callers := operatortest.Manifests(operatortest.Tenant("monitoring", false), operatortest.Scraper("monitoring", "scraper"), nobody)
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
	filter, err := authorizedOnly(own, httpClient)
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
		{"without permission", http.MethodGet, "/metrics", "Bearer " + account("monitoring", "nobody").BearerToken, http.StatusForbidden},
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
	for range reviewBurst {
		ask(http.MethodGet, "/metrics", "Bearer abc")
	}
	if got := ask(http.MethodGet, "/metrics", "Bearer abc"); got != http.StatusTooManyRequests {
		t.Errorf("one more of many callers with a made up token: answered %d", got)
	}
}
