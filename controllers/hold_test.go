package controllers

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
	"github.com/logout-operator/logout-operator/internal/logout"
	"github.com/logout-operator/logout-operator/internal/providers"
)

// noSecrets is a reader that finds no Secret.
type noSecrets struct{ client.Reader }

func (noSecrets) Get(_ context.Context, key client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
	return apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, key.Name)
}

// TestHoldOutlastsTheConfiguration checks that the operator remembers a service's Retry-After although the Secret is
// deleted for a moment, both in the process that got it and in the next one.
func TestHoldOutlastsTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		p := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: "p"}}
		p.Spec.Type = v1alpha1.AmazonChimeProviderType
		p.Spec.AmazonChime = &v1alpha1.AmazonChimeProvider{
			Credentials: &v1alpha1.Credentials{SecretRef: v1alpha1.SecretReference{Name: "gone"}}}
		p.Status.Hold = &v1alpha1.ProviderHold{Reason: string(logout.Throttled), Message: "slow down",
			Since: metav1.Time{Time: now}, NextProbeTime: metav1.Time{Time: now.Add(5 * time.Minute)}}
		held := p.Status.Hold.DeepCopy()
		r := &providerReconciler{providers: &providers.Resolver{Reader: noSecrets{}}, gates: gate.New(1)}
		look := func() (*v1alpha1.ProviderHold, time.Time) {
			t.Helper()
			f, err := r.check(t.Context(), p)
			if err != nil || f.Problem == nil || f.Problem.Reason != v1alpha1.ReasonSecretNotFound {
				t.Fatalf("found %+v, error %v", f.Problem, err)
			}
			now := time.Now()
			return lifecycle.ProviderStatus(p, f, now).Hold, lifecycle.NextLook(f, now)
		}
		if got, _ := look(); !equality.Semantic.DeepEqual(got, held) {
			t.Errorf("without a gate: %+v", got)
		}
		r.gates.Update(gateOf(p, new(service)))
		p.Status.Hold = nil // as if not written yet
		if got, _ := look(); !equality.Semantic.DeepEqual(got, held) {
			t.Errorf("of the gate: %+v", got)
		}
		r.gates.Forget("p")
		p.Status.Hold = held
		got, next := look()
		for looks := 0; !next.IsZero() && looks < 5; looks++ {
			<-time.After(time.Until(next))
			got, next = look()
		}
		if got != nil || !next.IsZero() {
			t.Errorf("long after its end: %+v, looked at again at %s", got, next)
		}
	})
}
