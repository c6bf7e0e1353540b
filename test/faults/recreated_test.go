package faults

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
)

// recreatedProvider needs no Secret, because the watch of a Secret would wake the objects that wait for it.
const recreatedProvider = `
apiVersion: logout-operator.io/v1alpha1
kind: ClusterLogoutProvider
metadata: {name: recreated}
spec:
  type: OryKratos
  oryKratos: {endpoint: %q}
  accountIDs: [%s]
  allowedNamespaces: {from: All}
`

// TestProviderRecreated: a provider that is deleted and created again while nobody watches has the same generation as
// before. The operator must treat it as a new one: it gets a status, and the objects that waited for it continue.
func TestProviderRecreated(t *testing.T) {
	kratos := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(kratos.Close)
	on := common()
	provider := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: "recreated"}}
	on.apply(t, fmt.Sprintf(recreatedProvider, kratos.URL, "nobody"))
	t.Cleanup(func() {
		if err := admin.Delete(context.Background(), provider); err != nil {
			t.Error(err)
		}
	})
	p := apiproxy.New(t, plane.Config)
	startLasting(t, p)
	obj := newUserLogout(nameFor(t, 0))
	obj.Spec.ProviderRef.Name = provider.Name
	if err := admin.Create(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
	ready := func(conditions []metav1.Condition, reason string) bool {
		c := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
		return c != nil && c.Reason == reason
	}
	awaitLogout := func(reason string) {
		t.Helper()
		on.awaitSeen(t, &v1alpha1.UserLogoutList{}, obj, reason, func(seen client.Object) bool {
			return ready(seen.(*v1alpha1.UserLogout).Status.Conditions, reason)
		})
	}
	awaitLogout(v1alpha1.ReasonNotAllowed)

	p.Cut()
	if err := admin.Delete(t.Context(), provider); err != nil {
		t.Fatal(err)
	}
	on.apply(t, fmt.Sprintf(recreatedProvider, kratos.URL, account))
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(provider), provider); err != nil {
		t.Fatal(err)
	}
	if provider.Generation != 1 {
		t.Fatalf("generation %d, want that of the one before", provider.Generation)
	}
	p.Compact(t) // the changes in between are forgotten
	p.Restore()
	awaitLogout(v1alpha1.ReasonLoggedOut)
	on.awaitSeen(t, &v1alpha1.ClusterLogoutProviderList{}, provider, "a status", func(seen client.Object) bool {
		return ready(seen.(*v1alpha1.ClusterLogoutProvider).Status.Conditions, v1alpha1.ReasonAvailable)
	})
}
