package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

const (
	metricsService = "logout-operator-metrics"
	metricsRole    = "logout-operator-metrics-reader"
)

// metrics: the operator serves them to callers that RBAC allows, and to nobody else.
func metrics(t *testing.T) {
	scraper, stranger := newAccount(t, "scraper"), newAccount(t, "stranger")
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "e2e-scraper"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: metricsRole},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: tenant, Name: "scraper"}},
	}
	if err := admin.Create(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Delete(context.WithoutCancel(t.Context()), binding) }()

	pods := replicas(t)
	lead := leader(t, pods)
	for _, p := range pods {
		url := "https://" + forward(t, p, "metrics") + "/metrics"
		var body string
		await.Eventually(t, "the scraper to be allowed", func(ctx context.Context) (err error) {
			status, text, err := scrape(ctx, url, scraper)
			if body = text; err == nil && status != http.StatusOK {
				err = fmt.Errorf("status %d: %s", status, text)
			}
			return err
		})
		for metric, everywhere := range map[string]bool{
			"logout_operator_objects{": true, "logout_operator_calls_total{": false,
			"logout_operator_calls_paused{": false,
		} {
			if (everywhere || p.Name == lead.Name) && !strings.Contains(body, "\n"+metric) {
				t.Errorf("%s: no %s among the metrics", p.Name, metric)
			}
		}
		for token, want := range map[string]int{"": http.StatusUnauthorized, "none-of-ours": http.StatusUnauthorized,
			stranger: http.StatusForbidden} {
			status, text, err := scrape(t.Context(), url, token)
			if err != nil || status != want || strings.Contains(text, "logout_operator_") {
				t.Errorf("%s: status %d, want %d: %s (%v)", p.Name, status, want, text, err)
			}
		}
	}

	// The Service leads to both pods. The API server's proxy does not forward the token, so the operator refuses the
	// request.
	awaitObjects(t, "the Service to lead to both replicas", &discoveryv1.EndpointSliceList{},
		func(slices []*discoveryv1.EndpointSlice) bool {
			n := 0
			for _, s := range slices {
				n += len(s.Endpoints)
			}
			return n == len(pods)
		}, client.InNamespace(operatortest.Namespace),
		client.MatchingLabels{discoveryv1.LabelServiceName: metricsService})
	text, err := clientset.CoreV1().Services(operatortest.Namespace).ProxyGet("https", metricsService, "metrics",
		"metrics", nil).DoRaw(t.Context())
	if !strings.Contains(string(text), "a bearer token is required") {
		t.Errorf("through the Service: %s (%v)", text, err)
	}
}

func scrape(ctx context.Context, url, token string) (status int, body string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	// The certificate is self-signed.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: 15 * time.Second}).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// forward does what kubectl port-forward does until the test is over, and returns the local address.
func forward(t *testing.T, p *corev1.Pod, port string) string {
	t.Helper()
	remote := int32(0)
	for _, c := range p.Spec.Containers[0].Ports {
		if c.Name == port {
			remote = c.ContainerPort
		}
	}
	transport, upgrader, err := spdy.RoundTripperFor(cluster)
	if err != nil {
		t.Fatal(err)
	}
	url := clientset.CoreV1().RESTClient().Post().Resource("pods").Namespace(p.Namespace).Name(p.Name).SubResource(
		"portforward").URL()
	stop, ready, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url)
	forwarder, err := portforward.NewOnAddresses(dialer, []string{"127.0.0.1"}, []string{fmt.Sprintf(":%d", remote)},
		stop, ready, io.Discard, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	go func() { ended <- forwarder.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatalf("forwarding port %s of %s: %v", port, p.Name, err)
	case <-time.After(await.Patience):
		t.Fatalf("forwarding port %s of %s: not ready", port, p.Name)
	}
	t.Cleanup(func() {
		close(stop)
		if err := <-ended; err != nil {
			t.Errorf("forwarding port %s of %s: %v", port, p.Name, err)
		}
	})
	ports, err := forwarder.GetPorts()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", ports[0].Local)
}
