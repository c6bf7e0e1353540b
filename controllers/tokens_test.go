package controllers_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/providertest"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestTokensUnderABurst checks that objects that a tenant creates and deletes cause no request to a token endpoint that
// has asked for no requests.
func TestTokensUnderABurst(t *testing.T) {
	var requests atomic.Int32
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.Header().Set("Retry-After", "300")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	t.Cleanup(endpoint.Close)
	p := providertest.GlobalTokenRevocation
	tt := newTenant(t, func(c *v1alpha1.ClusterLogoutProvider) {
		spec := p.Spec(endpoint.URL, c.Name+"-oauth")
		spec.AccountIDs, spec.AllowedNamespaces, spec.RateLimit = []string{account}, c.Spec.AllowedNamespaces,
			c.Spec.RateLimit
		c.Spec = spec
	})
	tt.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: tt.provider + "-oauth"},
		StringData: p.Secrets[0]})
	awaitProvider(tt, v1alpha1.ReasonCredentialsUnavailable)
	for range 137 {
		obj := tt.logout()
		if err := cluster.Delete(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
	}
	// When the operator applies another rate, it has seen all of the objects. The change makes a new client, which is
	// checked once.
	current := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: tt.provider}}
	if err := cluster.Get(t.Context(), client.ObjectKeyFromObject(current), current); err != nil {
		t.Fatal(err)
	}
	patch(tt, current, func(c *v1alpha1.ClusterLogoutProvider) { c.Spec.RateLimit.Burst = 7 })
	awaitProviderStatus(tt, "taken over", func(v1alpha1.ClusterLogoutProviderStatus) bool { return true })
	if n := requests.Load(); n > 3 { // one check for each client, and one call
		t.Errorf("%d requests for tokens, want at most 3", n)
	}
}
