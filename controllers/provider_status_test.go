package controllers

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/logout"
	"github.com/logout-operator/logout-operator/internal/providers"
)

func closedAt(since, until int) *gate.Closure {
	return &gate.Closure{Reason: logout.Throttled, Message: "slow down", Since: at(since), Until: at(until)}
}

// TestProviderStatus: what is short is not told, and what is told once is not
// written again.
func TestProviderStatus(t *testing.T) {
	misconfigured := &providers.ConfigError{Reason: v1alpha1.ReasonInvalidEndpoint, Message: "no URL"}
	noCredentials := &providers.ConfigError{Reason: v1alpha1.ReasonCredentialsUnavailable, Message: "none"}
	for _, tt := range []struct {
		name    string
		problem *providers.ConfigError
		recheck int // 0 for never
		state   gate.State
		now     int
		ready   string // its reason
		also    string // the condition beside it
		held    bool
		waiting int32
		look    int // 0 for never
	}{
		{name: "open", now: 5, ready: v1alpha1.ReasonAvailable},
		{name: "closed for a moment", state: gate.State{Closed: closedAt(5, 6)}, now: 5, ready: v1alpha1.ReasonAvailable, look: 7},
		{name: "closed for long", state: gate.State{Closed: closedAt(5, 35)}, now: 5, ready: "Throttled", also: v1alpha1.ConditionReconciling, held: true, look: 7},
		{name: "closed since long", state: gate.State{Closed: closedAt(5, 6)}, now: 9, ready: "Throttled", also: v1alpha1.ConditionReconciling, held: true, look: 606},
		{name: "some namespaces paused", state: gate.State{Namespaces: 2}, now: 5, ready: v1alpha1.ReasonAvailable},
		{name: "misconfigured", problem: misconfigured, now: 5, ready: v1alpha1.ReasonInvalidEndpoint, also: v1alpha1.ConditionStalled},
		{name: "misconfigured and closed", problem: misconfigured, state: gate.State{Closed: closedAt(0, 60)}, now: 5, ready: v1alpha1.ReasonInvalidEndpoint,
			also: v1alpha1.ConditionStalled, held: true, look: 660},
		{name: "no credentials", problem: noCredentials, recheck: 35, now: 5, ready: v1alpha1.ReasonCredentialsUnavailable, also: v1alpha1.ConditionReconciling, look: 35},
		{name: "somebody waits a moment", state: gate.State{Waiting: 3, WaitingSince: at(4)}, now: 5, ready: v1alpha1.ReasonAvailable, look: 6},
		{name: "no credentials, checked after the pause", problem: noCredentials, recheck: 60, state: gate.State{Closed: closedAt(0, 60)}, now: 5,
			ready: v1alpha1.ReasonCredentialsUnavailable, also: v1alpha1.ConditionReconciling, held: true, look: 60},
		{name: "somebody waits", state: gate.State{Waiting: 3, WaitingSince: at(0)}, now: 5, ready: v1alpha1.ReasonAvailable, waiting: 3, look: 15},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Generation: 2}}
			p.Status = providerStatus(p, tt.problem, tt.state, at(tt.now))
			if got := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady); got.Reason != tt.ready || (got.Status == metav1.ConditionTrue) != (tt.also == "") {
				t.Errorf("Ready %+v", got)
			}
			for _, kind := range []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
				if meta.IsStatusConditionTrue(p.Status.Conditions, kind) != (kind == tt.also) {
					t.Errorf("%s, want %q beside Ready", kind, tt.also)
				}
			}
			if (p.Status.Hold != nil) != tt.held || *p.Status.Waiting != tt.waiting || p.Status.ObservedGeneration != 2 {
				t.Errorf("status %+v", p.Status)
			}
			var want, recheck time.Time
			if tt.look != 0 {
				want = at(tt.look)
			}
			if tt.recheck != 0 {
				recheck = at(tt.recheck)
			}
			if got := providerLook(recheck, tt.state, at(tt.now)); !got.Equal(want) {
				t.Errorf("looked at again at %s, want %s", got, want)
			}
			if tt.look == tt.now+1 {
				return // there is something new to tell then
			}
			if again := providerStatus(p, tt.problem, tt.state, at(tt.now+1)); !equality.Semantic.DeepEqual(again, p.Status) {
				t.Errorf("written again: %+v, was %+v", again, p.Status)
			}
		})
	}
}

// TestBlockedIsSaidOnce: looking again at what has not changed writes nothing.
func TestBlockedIsSaidOnce(t *testing.T) {
	obj := object()
	obj.Status = blockedStatus(obj, v1alpha1.ReasonNotAllowed, "not allowed", at(0))
	if d := writeStatus(obj, blockedStatus(obj, v1alpha1.ReasonNotAllowed, "not allowed", at(9)), at(99)); d.do != wait {
		t.Errorf("written again: %+v", d.status)
	}
}

// noSecrets has none of the Secrets that it is asked for.
type noSecrets struct{ client.Reader }

func (noSecrets) Get(_ context.Context, key client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
	return apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, key.Name)
}

// TestHoldOutlastsTheConfiguration: a Secret that is deleted for a moment does not make the operator forget that the
// service has asked to be left alone, neither in the process that was asked nor in the next one.
func TestHoldOutlastsTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		p := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: "p"}}
		p.Spec.Type = v1alpha1.AmazonChimeProviderType
		p.Spec.AmazonChime = &v1alpha1.AmazonChimeProvider{
			Credentials: &v1alpha1.Credentials{SecretRef: v1alpha1.SecretReference{Name: "gone"}}}
		p.Status.Hold = &v1alpha1.ProviderHold{Reason: string(logout.Throttled), Message: "slow down",
			Since: floorSecond(now), NextProbeTime: *ceilSecond(now.Add(5 * time.Minute))}
		held := p.Status.Hold.DeepCopy()
		r := &providerReconciler{providers: &providers.Resolver{Reader: noSecrets{}}, gates: gate.New(1)}
		look := func() (*v1alpha1.ProviderHold, time.Time) {
			t.Helper()
			f, err := r.check(t.Context(), p)
			if err != nil || f.problem == nil || f.problem.Reason != v1alpha1.ReasonSecretNotFound {
				t.Fatalf("found %+v, error %v", f.problem, err)
			}
			now := time.Now()
			return providerStatus(p, f.problem, f.gate, now).Hold, providerLook(f.recheck, f.gate, now)
		}
		if got, _ := look(); !equality.Semantic.DeepEqual(got, held) {
			t.Errorf("without a gate: %+v", got)
		}
		r.gates.Update(gateOf(p, new(service)))
		p.Status.Hold = nil // not written yet
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
