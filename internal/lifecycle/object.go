package lifecycle

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// The functions in this file read an object's spec and status.

// Finished reports whether the object has ended, either way.
func Finished(obj *v1alpha1.UserLogout) bool {
	return meta.IsStatusConditionTrue(obj.Status.Conditions, v1alpha1.ConditionFinished)
}

// NeedsWork reports whether Decide could ever ask for anything. Package controllers keeps no finished object for which
// it is false.
func NeedsWork(obj *v1alpha1.UserLogout) bool {
	return !Finished(obj) || obj.Spec.TTLSecondsAfterFinished != nil || obj.Status.ObservedGeneration != obj.Generation
}

// Calling reports whether the last write to the object was a claim.
func Calling(obj *v1alpha1.UserLogout) bool {
	return Ready(obj.Status).Reason == v1alpha1.ReasonCalling
}

// Suspended reports whether spec.suspend holds the object.
func Suspended(obj *v1alpha1.UserLogout) bool { return obj.Spec.Suspend != nil && *obj.Spec.Suspend }

// Ready returns the Ready condition; a zero one if there is none.
func Ready(s v1alpha1.UserLogoutStatus) metav1.Condition {
	if c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady); c != nil {
		return *c
	}
	return metav1.Condition{}
}

// reconciling returns the Reconciling condition; a zero one if there is none.
func reconciling(s v1alpha1.UserLogoutStatus) metav1.Condition {
	if c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReconciling); c != nil {
		return *c
	}
	return metav1.Condition{}
}

// StartTime is when the clock of activeDeadlineSeconds started, which is at the first claim; zero before that.
func StartTime(obj *v1alpha1.UserLogout) time.Time { return timeOf(obj.Status.StartTime) }

// Deadline is the time after which no attempt starts; zero for none.
func Deadline(obj *v1alpha1.UserLogout) time.Time {
	started := StartTime(obj)
	if started.IsZero() {
		return NotAfter(obj)
	}
	return earliest(started.Add(ActiveDeadline(obj)), NotAfter(obj))
}

// NotAfter is spec.notAfter; zero for none.
func NotAfter(obj *v1alpha1.UserLogout) time.Time { return timeOf(obj.Spec.NotAfter) }

// CallEnd is when the call of a claim has to end: callDeadline, or notAfter if that comes first.
func CallEnd(claim *v1alpha1.UserLogout, callDeadline time.Time) time.Time {
	return earliest(callDeadline, NotAfter(claim))
}

// ClaimEnd is when the claim of an object runs out.
func ClaimEnd(claim *v1alpha1.UserLogout) time.Time { return timeOf(claim.Status.NextAttemptTime) }

// Expired reports whether the object's deadline has passed.
func Expired(obj *v1alpha1.UserLogout, now time.Time) bool { return passed(Deadline(obj), now) }

// ActiveDeadline is spec.activeDeadlineSeconds.
func ActiveDeadline(obj *v1alpha1.UserLogout) time.Duration {
	return seconds(activeDeadlineSeconds(obj))
}

// activeDeadlineSeconds repeats the schema's default, for objects that did not come through an API server.
func activeDeadlineSeconds(obj *v1alpha1.UserLogout) int32 {
	if obj.Spec.ActiveDeadlineSeconds == 0 {
		return 3600
	}
	return obj.Spec.ActiveDeadlineSeconds
}

// WaitsSince is when an object that was not attempted began to wait: at its creation, or when its Ready condition last
// changed, for example when it was resumed.
func WaitsSince(obj *v1alpha1.UserLogout) time.Time {
	return later(obj.CreationTimestamp.Time, Ready(obj.Status).LastTransitionTime.Time)
}
