package lifecycle

import (
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

const (
	// noticeable is how long calls are paused or objects wait before the provider's status says so. Shorter waits are
	// normal with a service that throttles, and not worth a write.
	noticeable = 2 * time.Second
	// recount is how often the number of waiting objects is written while it changes.
	recount = 10 * time.Second
)

// ProviderState is what is known of a provider apart from its spec.
type ProviderState struct {
	// Problem is an error in the provider's configuration; nil for none.
	Problem *Problem
	// Pause is the pause of all calls; nil if calls are made.
	Pause *Pause
	// PausedNamespaces is how many namespaces have their calls paused.
	PausedNamespaces int
	// Waiting is how many objects wait for a slot, WaitingSince since when at least one has waited.
	Waiting      int
	WaitingSince time.Time
	// Recheck is when to check the credentials again; zero for never.
	Recheck time.Time
}

// Problem is an error in a provider's configuration.
type Problem struct{ Reason, Message string }

// ProviderStatus is the status of a provider in this state.
func ProviderStatus(
	p *v1alpha1.ClusterLogoutProvider, state ProviderState, now time.Time,
) v1alpha1.ClusterLogoutProviderStatus {
	s := *p.Status.DeepCopy()
	s.ObservedGeneration = p.Generation
	s.Waiting = ptr.To(waitingCount(state, now))
	s.Hold = holdOf(state, now)
	set := func(kind string, v readyCondition) { setCondition(&s.Conditions, kind, v, p.Generation, now) }
	v := providerVerdict(state.Problem, s.Hold, state.PausedNamespaces)
	set(v1alpha1.ConditionReady, v)
	// only a change of the spec helps
	stalled := v.reason == v1alpha1.ReasonInvalidEndpoint || v.reason == v1alpha1.ReasonInvalidSpec
	if stalled {
		set(v1alpha1.ConditionStalled, readyCondition{metav1.ConditionTrue, v.reason, v.message})
	} else {
		meta.RemoveStatusCondition(&s.Conditions, v1alpha1.ConditionStalled)
	}
	if stalled || v.status == metav1.ConditionTrue {
		meta.RemoveStatusCondition(&s.Conditions, v1alpha1.ConditionReconciling)
	} else {
		set(v1alpha1.ConditionReconciling, readyCondition{metav1.ConditionTrue, v1alpha1.ReasonProgressingWithRetry,
			v.message})
	}
	return s
}

// providerVerdict reports an error in the configuration before a failure of the service. paused is how many namespaces
// have their calls paused.
func providerVerdict(problem *Problem, hold *v1alpha1.ProviderHold, paused int) readyCondition {
	switch {
	case problem != nil:
		return readyCondition{metav1.ConditionFalse, problem.Reason, problem.Message}
	case hold != nil:
		return readyCondition{metav1.ConditionFalse, hold.Reason,
			hold.Message + "; calls are paused after a failure; the next probe is at " +
				hold.NextProbeTime.UTC().Format(time.RFC3339)}
	case paused > 0:
		return readyCondition{metav1.ConditionTrue, v1alpha1.ReasonAvailable,
			fmt.Sprintf("calls are made, but those of %d namespace(s) are paused because they failed, "+
				"and are probed one at a time; see the reasons of their UserLogouts", paused)}
	}
	return readyCondition{metav1.ConditionTrue, v1alpha1.ReasonAvailable,
		"the endpoint and the credentials are valid; calls are made"}
}

// holdOf returns the status entry of a pause; nil if the pause is too short.
func holdOf(state ProviderState, now time.Time) *v1alpha1.ProviderHold {
	c := state.Pause
	if c == nil || c.Until.Sub(c.Since) <= noticeable && now.Sub(c.Since) < noticeable {
		return nil
	}
	return &v1alpha1.ProviderHold{Reason: c.Reason, Message: c.Message,
		Since: floorSecond(c.Since), NextProbeTime: *ceilSecond(c.Until)}
}

// waitingCount is how many objects wait; 0 if they have not waited for long.
func waitingCount(state ProviderState, now time.Time) int32 {
	if state.Waiting == 0 || now.Sub(state.WaitingSince) < noticeable {
		return 0
	}
	return int32(min(state.Waiting, math.MaxInt32)) //nolint:gosec // bounded
}

// NextLook is when to look at a provider again even if nothing happens; zero for never.
func NextLook(state ProviderState, now time.Time) (at time.Time) {
	at = state.Recheck
	if p := state.Pause; p != nil {
		if notice := p.Since.Add(noticeable); now.Before(notice) {
			at = earliest(at, notice)
		} else {
			at = earliest(at, p.Over)
		}
	}
	if state.Waiting > 0 {
		if notice := state.WaitingSince.Add(noticeable); now.Before(notice) {
			at = earliest(at, notice)
		} else {
			at = earliest(at, now.Add(recount))
		}
	}
	return at
}
