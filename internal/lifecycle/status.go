package lifecycle

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// The functions in this file compute the next status of an object from its current one. They write nothing.

// readyCondition is the Ready condition. The phase decides the other conditions.
type readyCondition struct {
	status  metav1.ConditionStatus
	reason  string
	message string
}

// phase decides which conditions stand beside Ready, so that kstatus, Argo CD and kubectl wait agree
// (docs/decisions/0002-conditions.md).
type phase int

const (
	underway phase = iota
	queued
	retrying
	held
	succeeded
	failed
)

// Claimed is the status that claims the next attempt: no other call is made until the visibility timeout has passed.
func Claimed(obj *v1alpha1.UserLogout, now time.Time, visibility time.Duration) v1alpha1.UserLogoutStatus {
	s := *obj.Status.DeepCopy()
	if s.StartTime == nil || s.StartTime.After(now) { // set by a clock that was ahead, or the object would not end
		s.StartTime = ptr.To(floorSecond(now))
	}
	s.Attempts++
	s.NextAttemptTime = ceilSecond(now.Add(visibility))
	setConditions(&s, obj.Generation, now, underway, readyCondition{metav1.ConditionUnknown, v1alpha1.ReasonCalling,
		fmt.Sprintf("attempt %d is in progress", s.Attempts)})
	return s
}

// LoggedOut is the status after an attempt that succeeded.
func LoggedOut(
	claim *v1alpha1.UserLogout, claimedAt time.Time, receipt logout.Receipt, now time.Time,
) v1alpha1.UserLogoutStatus {
	s := *claim.Status.DeepCopy()
	s.LastAttempt = &v1alpha1.AttemptStatus{Time: floorSecond(claimedAt),
		HTTPStatusCode: statusCode(receipt.HTTPStatusCode), RequestID: receipt.RequestID}
	finish(&s, now)
	setConditions(&s, claim.Generation, now, succeeded, readyCondition{metav1.ConditionTrue, v1alpha1.ReasonLoggedOut,
		"the service confirmed the logout"})
	return s
}

// maxUnconfirmed is how many calls for an object the service may answer with a success that it does not document. Each
// may have logged the user out, so they do not go on until the deadline: the user would be logged out again and again.
const maxUnconfirmed = 5

// FailedAttempt is the status after an attempt that failed. Another attempt follows after the backoff, unless none can
// succeed, or too many may have succeeded.
func FailedAttempt(
	claim *v1alpha1.UserLogout, claimedAt time.Time, failure *logout.Error, now time.Time, backoff time.Duration,
) v1alpha1.UserLogoutStatus {
	s := *claim.Status.DeepCopy()
	s.LastAttempt = &v1alpha1.AttemptStatus{
		Time: floorSecond(claimedAt), HTTPStatusCode: statusCode(failure.HTTPStatusCode),
		Code: failure.Code, Message: failure.Text(), RequestID: failure.RequestID}
	v := readyCondition{metav1.ConditionFalse, string(failure.Reason), failure.Text()}
	if failure.Unconfirmed {
		s.UnconfirmedAttempts++
	}
	exhausted := failure.Unconfirmed && s.UnconfirmedAttempts >= maxUnconfirmed
	if exhausted {
		v.reason = v1alpha1.ReasonUnconfirmed
		v.message = logout.Shorten(fmt.Sprintf("gave up after %d such answers: ", maxUnconfirmed) + v.message)
	}
	if exhausted || failure.Reason.Class() == logout.Permanent {
		finish(&s, now)
		setConditions(&s, claim.Generation, now, failed, v)
		return s
	}
	s.NextAttemptTime = ceilSecond(now.Add(backoff))
	setConditions(&s, claim.Generation, now, retrying, v)
	return s
}

// Uncalled is the status after an attempt that ended before its call. The object waits for its turn again, for the end
// of a backoff, or until whatever refuses it changes. If no call has been made for the object, its clock is reset,
// unless this attempt took too long.
func Uncalled(claim *v1alpha1.UserLogout, refused *Refusal, now time.Time) v1alpha1.UserLogoutStatus {
	back := claim.DeepCopy()
	s := &back.Status
	if s.LastAttempt == nil && refused.Backoff == 0 {
		s.StartTime = nil
	}
	if blocked(refused.Reason) {
		return blockedStatus(back, refused.Reason, refused.Message, now)
	}
	s.NextAttemptTime = nil
	if refused.Backoff > 0 {
		s.NextAttemptTime = ceilSecond(now.Add(refused.Backoff))
	}
	setConditions(s, claim.Generation, now, queued, readyCondition{metav1.ConditionUnknown, v1alpha1.ReasonQueued,
		fmt.Sprintf("attempt %d ended before its call: %s; the object waits for a slot again", s.Attempts, refused.Message)})
	return *s
}

// blockedStatus says why the object cannot be attempted: something outside it is missing or refuses it.
func blockedStatus(obj *v1alpha1.UserLogout, reason, message string, now time.Time) v1alpha1.UserLogoutStatus {
	s := *obj.Status.DeepCopy()
	s.NextAttemptTime = nil
	setConditions(&s, obj.Generation, now, retrying, readyCondition{metav1.ConditionFalse, reason, message})
	return s
}

// queuedStatus says that the object waits for its slot. It is written once, so its words stay true, and they are the
// same for all objects, because there may be thousands. If the last attempt failed, that failure is still the reason
// why the object is not Ready. own means that only the calls of its namespace are paused.
func queuedStatus(obj *v1alpha1.UserLogout, own bool, now time.Time) v1alpha1.UserLogoutStatus {
	s := *obj.Status.DeepCopy()
	provider := obj.Spec.ProviderRef.Name
	message := fmt.Sprintf(
		"waiting for a slot; see the status of ClusterLogoutProvider %q for the queue and for pauses", provider)
	if own {
		message = fmt.Sprintf(
			"waiting for a slot: the logouts of this namespace failed, so its calls through ClusterLogoutProvider %q "+
				"are paused, and probed one at a time until one succeeds; see the reasons of its other UserLogouts",
			provider)
	}
	v := readyCondition{metav1.ConditionUnknown, v1alpha1.ReasonQueued, message}
	if last := Ready(s); s.LastAttempt != nil && last.Status == metav1.ConditionFalse && !blocked(last.Reason) {
		v = readyCondition{last.Status, last.Reason, last.Message + "; " + v.message}
	}
	since := now
	if Ready(s).Type == "" { // the object has waited from the beginning, and only now says so
		since = obj.CreationTimestamp.Time
	}
	setConditions(&s, obj.Generation, since, queued, v)
	return s
}

// blocked reports whether a reason is one of blockedStatus.
func blocked(reason string) bool {
	switch reason {
	case v1alpha1.ReasonProviderNotFound, v1alpha1.ReasonProviderNotReady, v1alpha1.ReasonNotAllowed:
		return true
	}
	return false
}

// suspendedStatus stops the clock of activeDeadlineSeconds. A backoff goes on, because the service may have asked for
// it: to suspend and resume an object must not skip it.
func suspendedStatus(obj *v1alpha1.UserLogout, now time.Time) v1alpha1.UserLogoutStatus {
	s := *obj.Status.DeepCopy()
	s.StartTime = nil
	if Calling(obj) {
		s.NextAttemptTime = nil // it belongs to the claim
	}
	setConditions(&s, obj.Generation, now, held, readyCondition{metav1.ConditionFalse, v1alpha1.ReasonSuspended,
		"no call is made while spec.suspend is true"})
	return s
}

// resumedStatus makes the object wait for its turn again. The clock of activeDeadlineSeconds starts again with the next
// claim.
func resumedStatus(obj *v1alpha1.UserLogout, now time.Time) v1alpha1.UserLogoutStatus {
	s := *obj.Status.DeepCopy()
	setConditions(&s, obj.Generation, now, underway, readyCondition{metav1.ConditionUnknown, v1alpha1.ReasonProgressing,
		"resumed: spec.suspend is no longer true"})
	return s
}

// failedStatus ends the object without a call.
func failedStatus(obj *v1alpha1.UserLogout, reason, message string, now time.Time) v1alpha1.UserLogoutStatus {
	s := *obj.Status.DeepCopy()
	finish(&s, now)
	setConditions(&s, obj.Generation, now, failed, readyCondition{metav1.ConditionFalse, reason, message})
	return s
}

// deadlineExceeded ends an object whose deadline has passed. The message says why; if why is empty, it says how far the
// object had come.
func deadlineExceeded(obj *v1alpha1.UserLogout, now time.Time, why string) v1alpha1.UserLogoutStatus {
	message := fmt.Sprintf("not logged out within activeDeadlineSeconds (%d)", activeDeadlineSeconds(obj))
	if passed(timeOf(obj.Spec.NotAfter), now) {
		message = "not logged out by notAfter (" + obj.Spec.NotAfter.UTC().Format(time.RFC3339) + ")"
	}
	if why == "" {
		why = howFar(obj)
	}
	return failedStatus(obj, v1alpha1.ReasonDeadlineExceeded, message+why, now)
}

// deletedStatus ends an object that is being deleted. The message says how far the object had come.
func deletedStatus(obj *v1alpha1.UserLogout, now time.Time) v1alpha1.UserLogoutStatus {
	return failedStatus(obj, v1alpha1.ReasonDeleted, "deleted before the user was logged out"+howFar(obj), now)
}

// howFar describes the progress of an object that ends without a call.
func howFar(obj *v1alpha1.UserLogout) string {
	switch last := Ready(obj.Status); {
	case last.Reason == v1alpha1.ReasonCalling:
		return fmt.Sprintf("; the outcome of attempt %d is unknown, so the user may have been logged out",
			obj.Status.Attempts)
	case last.Status == metav1.ConditionFalse || last.Reason == v1alpha1.ReasonQueued:
		return "; last: " + last.Reason + ": " + last.Message
	}
	return ""
}

// acknowledgedStatus records that the operator has seen a later generation of a finished object, and changes nothing
// else.
func acknowledgedStatus(obj *v1alpha1.UserLogout) v1alpha1.UserLogoutStatus {
	s := *obj.Status.DeepCopy()
	s.ObservedGeneration = obj.Generation
	for i := range s.Conditions {
		s.Conditions[i].ObservedGeneration = obj.Generation
	}
	return s
}

func finish(s *v1alpha1.UserLogoutStatus, now time.Time) {
	s.NextAttemptTime = nil
	s.CompletionTime = ptr.To(floorSecond(now))
}

// setConditions sets all conditions at once, so that they agree.
func setConditions(s *v1alpha1.UserLogoutStatus, generation int64, now time.Time, p phase, ready readyCondition) {
	s.ObservedGeneration = generation
	set := func(kind string, v readyCondition) { setCondition(&s.Conditions, kind, v, generation, now) }
	set(v1alpha1.ConditionReady, ready)
	switch p { // a condition that stays is not removed first, or its transition time would change
	case underway:
		set(v1alpha1.ConditionReconciling, readyCondition{metav1.ConditionTrue, v1alpha1.ReasonProgressing, ready.message})
	case queued:
		set(v1alpha1.ConditionReconciling, readyCondition{metav1.ConditionTrue, v1alpha1.ReasonQueued, ready.message})
	case retrying:
		set(v1alpha1.ConditionReconciling, readyCondition{metav1.ConditionTrue, v1alpha1.ReasonProgressingWithRetry,
			ready.message})
	default:
		meta.RemoveStatusCondition(&s.Conditions, v1alpha1.ConditionReconciling)
	}
	if p == failed {
		set(v1alpha1.ConditionStalled, readyCondition{metav1.ConditionTrue, ready.reason, ready.message})
	} else {
		meta.RemoveStatusCondition(&s.Conditions, v1alpha1.ConditionStalled)
	}
	switch p {
	case succeeded:
		set(v1alpha1.ConditionFinished, readyCondition{metav1.ConditionTrue, v1alpha1.ReasonSucceeded, ready.message})
	case failed:
		set(v1alpha1.ConditionFinished, readyCondition{metav1.ConditionTrue, v1alpha1.ReasonFailed, ready.message})
	case held:
		set(v1alpha1.ConditionFinished, readyCondition{metav1.ConditionFalse, v1alpha1.ReasonSuspended, ready.message})
	default:
		set(v1alpha1.ConditionFinished, readyCondition{metav1.ConditionFalse, v1alpha1.ReasonInProgress, "not finished yet"})
	}
}

// setCondition sets one condition. Its transition time changes only with its status.
func setCondition(conditions *[]metav1.Condition, kind string, v readyCondition, generation int64, now time.Time) {
	meta.SetStatusCondition(conditions, metav1.Condition{Type: kind, Status: v.status, Reason: v.reason,
		Message: v.message, ObservedGeneration: generation, LastTransitionTime: floorSecond(now)})
}

// statusCode is a status code in the type of the API.
func statusCode(n int) int32 { return int32(n) } //nolint:gosec // it has three digits on the wire
