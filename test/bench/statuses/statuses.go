// Package statuses makes the statuses that the operator writes for a logout without errors, so that the bare loop
// writes as much as the operator, and tests can have objects that finished long ago without running the operator.
package statuses

import (
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// visibility is how long a claim lasts: the operator's default.
const visibility = 30 * time.Second

// Claimed is the claim of the first attempt.
func Claimed(obj *v1alpha1.UserLogout, now time.Time) v1alpha1.UserLogoutStatus {
	s := *obj.Status.DeepCopy()
	created := obj.CreationTimestamp
	s.StartTime = &created
	s.Attempts = 1
	s.NextAttemptTime = second(now.Add(visibility + time.Second))
	set := setter(&s, obj.Generation, now)
	set(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonCalling, "attempt 1 is in progress")
	set(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonProgressing, "attempt 1 is in progress")
	set(v1alpha1.ConditionFinished, metav1.ConditionFalse, v1alpha1.ReasonInProgress, "not finished yet")
	return s
}

// LoggedOut is the outcome of an attempt that succeeded.
func LoggedOut(claim *v1alpha1.UserLogout, attempt v1alpha1.AttemptStatus, now time.Time) v1alpha1.UserLogoutStatus {
	s := *claim.Status.DeepCopy()
	attempt.Time = *second(attempt.Time.Time)
	s.LastAttempt = &attempt
	s.NextAttemptTime, s.CompletionTime = nil, second(now)
	meta.RemoveStatusCondition(&s.Conditions, v1alpha1.ConditionReconciling)
	set := setter(&s, claim.Generation, now)
	set(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonLoggedOut, "the service confirmed the logout")
	set(v1alpha1.ConditionFinished, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "the service confirmed the logout")
	return s
}

// Same reports whether the status is, except for times and IDs, the one that LoggedOut makes, whoever wrote it.
func Same(obj *v1alpha1.UserLogout) bool {
	got := obj.Status
	if got.LastAttempt == nil || got.CompletionTime == nil {
		return false
	}
	claim := obj.DeepCopy()
	claim.Status = v1alpha1.UserLogoutStatus{}
	claim.Status = Claimed(claim, got.LastAttempt.Time.Time)
	return equality.Semantic.DeepEqual(got, LoggedOut(claim, *got.LastAttempt, got.CompletionTime.Time))
}

// setter returns a function that sets a condition; its transition time moves with its status.
func setter(
	s *v1alpha1.UserLogoutStatus, generation int64, now time.Time,
) func(kind string, status metav1.ConditionStatus, reason, message string) {
	s.ObservedGeneration = generation
	return func(kind string, status metav1.ConditionStatus, reason, message string) {
		meta.SetStatusCondition(&s.Conditions,
			metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message,
				ObservedGeneration: generation, LastTransitionTime: *second(now)})
	}
}

// second truncates a time to the precision that the API stores.
func second(t time.Time) *metav1.Time { return &metav1.Time{Time: t.Truncate(time.Second)} }
