package controllers

import (
	"math"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/providers"
)

const (
	// noticeable is how long calls are held, or objects wait, until the
	// provider's status says so: what is shorter belongs to the ordinary give
	// and take with a service that throttles, and is not worth a write.
	noticeable = 2 * time.Second
	// recount is how often the number of waiting objects is written while it
	// changes.
	recount = 10 * time.Second
)

// providerStatus is the status of a provider with this problem, or none, and
// whose gate is in this state.
func providerStatus(p *v1alpha1.ClusterLogoutProvider, problem *providers.ConfigError, state gate.State, now time.Time) v1alpha1.ClusterLogoutProviderStatus {
	s := *p.Status.DeepCopy()
	s.ObservedGeneration = p.Generation
	s.Waiting = ptr.To(waitingCount(state, now))
	s.Hold = holdOf(state, now)
	set := func(kind string, v verdict) { setCondition(&s.Conditions, kind, v, p.Generation, now) }
	v := providerVerdict(problem, s.Hold)
	set(v1alpha1.ConditionReady, v)
	stalled := v.reason == v1alpha1.ReasonInvalidEndpoint || v.reason == v1alpha1.ReasonInvalidSpec // only a change of the spec helps
	if stalled {
		set(v1alpha1.ConditionStalled, verdict{metav1.ConditionTrue, v.reason, v.message})
	} else {
		meta.RemoveStatusCondition(&s.Conditions, v1alpha1.ConditionStalled)
	}
	if stalled || v.status == metav1.ConditionTrue {
		meta.RemoveStatusCondition(&s.Conditions, v1alpha1.ConditionReconciling)
	} else {
		set(v1alpha1.ConditionReconciling, verdict{metav1.ConditionTrue, v1alpha1.ReasonProgressingWithRetry, v.message})
	}
	return s
}

// providerVerdict: what is wrong with the configuration comes before trouble at
// the service.
func providerVerdict(problem *providers.ConfigError, hold *v1alpha1.ProviderHold) verdict {
	switch {
	case problem != nil:
		return verdict{metav1.ConditionFalse, problem.Reason, problem.Message}
	case hold != nil:
		return verdict{metav1.ConditionFalse, hold.Reason,
			hold.Message + "; no calls are made until a single one has succeeded, from " + hold.NextProbeTime.UTC().Format(time.RFC3339) + " on"}
	}
	return verdict{metav1.ConditionTrue, v1alpha1.ReasonAvailable, "the endpoint is valid, the credentials resolve, and calls are made"}
}

// holdOf says that a gate is closed, if that lasts.
func holdOf(state gate.State, now time.Time) *v1alpha1.ProviderHold {
	c := state.Closed
	if c == nil || c.Until.Sub(c.Since) <= noticeable && now.Sub(c.Since) < noticeable {
		return nil
	}
	return &v1alpha1.ProviderHold{Reason: string(c.Reason), Message: c.Message,
		Since: floorSecond(c.Since), NextProbeTime: *ceilSecond(c.Until)}
}

// waitingCount is how many objects wait, if they do so for long.
func waitingCount(state gate.State, now time.Time) int32 {
	if state.Waiting == 0 || now.Sub(state.WaitingSince) < noticeable {
		return 0
	}
	return int32(min(state.Waiting, math.MaxInt32)) //nolint:gosec // bounded
}

// providerLook is when to look at a provider again although nothing happens. Its
// credentials are to be checked again at the time recheck, if that is not zero.
func providerLook(recheck time.Time, state gate.State, now time.Time) (at time.Time) {
	at = recheck
	if c := state.Closed; c != nil {
		if notice := c.Since.Add(noticeable); now.Before(notice) {
			at = earliest(at, notice)
		} else {
			at = earliest(at, c.Until.Add(gate.Unprobed))
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
