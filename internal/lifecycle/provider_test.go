package lifecycle

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

func pausedAt(since, until int) *Pause {
	return &Pause{Reason: v1alpha1.ReasonThrottled, Message: "slow down", Since: at(since), Until: at(until),
		Over: at(until + 600)}
}

// TestProviderStatus checks that short pauses and waits are not reported, and that nothing is written twice.
func TestProviderStatus(t *testing.T) {
	misconfigured := &Problem{Reason: v1alpha1.ReasonInvalidEndpoint, Message: "no URL"}
	noCredentials := &Problem{Reason: v1alpha1.ReasonCredentialsUnavailable, Message: "none"}
	for _, tt := range []struct {
		name    string
		problem *Problem
		recheck int // 0 for never
		state   ProviderState
		now     int
		ready   string // reason of Ready
		also    string // condition beside it
		held    bool
		waiting int32
		look    int // 0 for never
	}{
		{name: "open", now: 5, ready: v1alpha1.ReasonAvailable},
		{name: "closed for a moment", state: ProviderState{Pause: pausedAt(5, 6)}, now: 5,
			ready: v1alpha1.ReasonAvailable, look: 7},
		{name: "closed for long", state: ProviderState{Pause: pausedAt(5, 35)}, now: 5, ready: "Throttled",
			also: v1alpha1.ConditionReconciling, held: true, look: 7},
		{name: "closed since long", state: ProviderState{Pause: pausedAt(5, 6)}, now: 9, ready: "Throttled",
			also: v1alpha1.ConditionReconciling, held: true, look: 606},
		{name: "some namespaces paused", state: ProviderState{PausedNamespaces: 2}, now: 5,
			ready: v1alpha1.ReasonAvailable},
		{name: "misconfigured", problem: misconfigured, now: 5, ready: v1alpha1.ReasonInvalidEndpoint,
			also: v1alpha1.ConditionStalled},
		{name: "misconfigured and closed", problem: misconfigured, state: ProviderState{Pause: pausedAt(0, 60)}, now: 5,
			ready: v1alpha1.ReasonInvalidEndpoint, also: v1alpha1.ConditionStalled, held: true, look: 660},
		{name: "no credentials", problem: noCredentials, recheck: 35, now: 5,
			ready: v1alpha1.ReasonCredentialsUnavailable, also: v1alpha1.ConditionReconciling, look: 35},
		{name: "somebody waits a moment", state: ProviderState{Waiting: 3, WaitingSince: at(4)}, now: 5,
			ready: v1alpha1.ReasonAvailable, look: 6},
		{name: "no credentials, checked after the pause", problem: noCredentials, recheck: 60,
			state: ProviderState{Pause: pausedAt(0, 60)}, now: 5,
			ready: v1alpha1.ReasonCredentialsUnavailable, also: v1alpha1.ConditionReconciling, held: true, look: 60},
		{name: "somebody waits", state: ProviderState{Waiting: 3, WaitingSince: at(0)}, now: 5,
			ready: v1alpha1.ReasonAvailable, waiting: 3, look: 15},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Generation: 2}}
			tt.state.Problem = tt.problem
			if tt.recheck != 0 {
				tt.state.Recheck = at(tt.recheck)
			}
			p.Status = ProviderStatus(p, tt.state, at(tt.now))
			if got := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady); got.Reason != tt.ready ||
				(got.Status == metav1.ConditionTrue) != (tt.also == "") {
				t.Errorf("Ready %+v", got)
			}
			for _, kind := range []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
				if meta.IsStatusConditionTrue(p.Status.Conditions, kind) != (kind == tt.also) {
					t.Errorf("%s, want %q beside Ready", kind, tt.also)
				}
			}
			if (p.Status.Hold != nil) != tt.held || *p.Status.Waiting != tt.waiting ||
				p.Status.ObservedGeneration != 2 {
				t.Errorf("status %+v", p.Status)
			}
			var want time.Time
			if tt.look != 0 {
				want = at(tt.look)
			}
			if got := NextLook(tt.state, at(tt.now)); !got.Equal(want) {
				t.Errorf("looked at again at %s, want %s", got, want)
			}
			if tt.look == tt.now+1 {
				return // then the status changes
			}
			if again := ProviderStatus(p, tt.state, at(tt.now+1)); !equality.Semantic.DeepEqual(again, p.Status) {
				t.Errorf("written again: %+v, was %+v", again, p.Status)
			}
		})
	}
}

// TestBlockedIsSaidOnce checks that another look at an unchanged object writes nothing.
func TestBlockedIsSaidOnce(t *testing.T) {
	obj := object()
	obj.Status = blockedStatus(obj, v1alpha1.ReasonNotAllowed, "not allowed", at(0))
	if d := writeStatus(obj, blockedStatus(obj, v1alpha1.ReasonNotAllowed, "not allowed", at(9)),
		at(99)); d.Do != Wait {
		t.Errorf("written again: %+v", d.Status)
	}
}
