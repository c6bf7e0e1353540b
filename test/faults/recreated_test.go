package faults

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/apiproxy"
)

// TestProviderRecreated: a provider that is deleted and created anew while nobody watches has the generation of the one
// before. It is taken for what it is now: it gets a status, and what has waited for it goes on.
func TestProviderRecreated(t *testing.T) {
	e := newEndpoint(t, common())
	e.sign(t, validKeys[0])
	e.recreate(t, "[nobody]")
	p := apiproxy.New(t, plane.Config)
	startLasting(t, p)
	waiting := e.create(t, 1)
	e.awaitStatus(t, waiting[0], v1alpha1.ReasonNotAllowed, func(s v1alpha1.UserLogoutStatus) bool {
		ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady)
		return ready != nil && ready.Reason == v1alpha1.ReasonNotAllowed
	})

	p.Cut()
	generation := e.recreate(t, "[account]")
	if generation != 1 {
		t.Fatalf("generation %d, want that of the one before", generation)
	}
	p.Compact(t) // what happened in between is forgotten
	p.Mend()
	e.verify(t, waiting...)
	e.awaitProvider(t, metav1.ConditionTrue, v1alpha1.ReasonAvailable)
}

// recreate deletes the endpoint's provider and creates it anew, for other accounts.
func (e *endpoint) recreate(t *testing.T, accounts string) (generation int64) {
	t.Helper()
	provider := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: e.provider}}
	if err := e.on.admin.Delete(t.Context(), provider); err != nil {
		t.Fatal(err)
	}
	manifest := fmt.Sprintf(endpointManifest, e.provider, e.URL, e.limit.perSecond, e.limit.burst)
	e.on.apply(t, strings.Replace(manifest, "[account]", accounts, 1))
	if err := e.on.admin.Get(t.Context(), client.ObjectKey{Name: e.provider}, provider); err != nil {
		t.Fatal(err)
	}
	return provider.Generation
}
