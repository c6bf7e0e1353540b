// Package lifecycle holds the rules that take a UserLogout from its creation to its end, and the rules for its status
// and its provider's status. All of them are pure functions of objects and time: they read nothing, write nothing and
// know no clock, so that they can be tested in tables. Package controllers carries out their decisions.
package lifecycle

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// Action is what a Decision asks for.
type Action int

// These are the actions. Attempt says only that an attempt is due; it also needs a provider and a slot.
const (
	Wait    Action = iota // nothing to do now
	Write                 // store Decision.Status
	Remove                // delete the object, because its TTL is over
	Attempt               // claim, call, outcome
)

// Decision is what to do with an object.
type Decision struct {
	Do     Action
	Status v1alpha1.UserLogoutStatus // for Write
	At     time.Time                 // look again at this time; zero for only when something changes
}

// Decide returns what to do with the object at the time now, as far as the object alone can tell. changed is when its
// provider last got other credentials or another address; zero for never.
func Decide(obj *v1alpha1.UserLogout, changed, now time.Time) Decision {
	next := nextAttempt(obj, changed, now)
	switch {
	case Finished(obj):
		return decideFinished(obj, now)
	case Calling(obj) && now.Before(next):
		// A call is under way, or its outcome was lost. Until the claim runs out nobody else may write, or a logout
		// that succeeds could be recorded as failed.
		return Decision{At: next}
	case !obj.DeletionTimestamp.IsZero():
		// A finalizer of somebody else keeps the object, perhaps for ever. Whoever deleted it wants no logout any more.
		return writeStatus(obj, deletedStatus(obj, now), time.Time{})
	case passed(NotAfter(obj), now):
		return writeStatus(obj, deadlineExceeded(obj, now, ""), time.Time{})
	case Suspended(obj):
		return writeStatus(obj, suspendedStatus(obj, now), NotAfter(obj))
	case Ready(obj.Status).Reason == v1alpha1.ReasonSuspended:
		return writeStatus(obj, resumedStatus(obj, now), now)
	case Expired(obj, now):
		return writeStatus(obj, deadlineExceeded(obj, now, ""), time.Time{})
	case now.Before(next):
		return Decision{At: earliest(next, Deadline(obj))}
	}
	return Decision{Do: Attempt}
}

// nextAttempt is the time before which the object is not attempted. A backoff ends early if the cause of the last
// failure may have been fixed since, but not if the service asked for it.
func nextAttempt(obj *v1alpha1.UserLogout, changed, now time.Time) time.Time {
	next := timeOf(obj.Status.NextAttemptTime)
	if next.After(now.Add(MaxBackoff + time.Second)) {
		// No wait is that long. The time was written by a clock that has been set back since, or by another clock that
		// is ahead.
		return time.Time{}
	}
	switch Ready(obj.Status).Reason {
	case v1alpha1.ReasonUnauthorized, v1alpha1.ReasonUnexpectedResponse, v1alpha1.ReasonEndpointUnreachable,
		v1alpha1.ReasonServiceFailure:
		// An attempt's time is a whole second, so a change counts from the next second on: an attempt in the same
		// second may have been made before or after it.
		if last := obj.Status.LastAttempt; last != nil && last.Time.Before(ceilSecond(changed)) {
			return earlier(next, ceilSecond(changed).Time)
		}
	}
	return next
}

// QueueState describes how an object waits for its slot.
type QueueState struct {
	// Pause is the pause that the object waits for; nil if calls are made.
	Pause *Pause
	// NamespaceOnly means that only the calls of the object's namespace are paused.
	NamespaceOnly bool
	// ShowQueued means that the object has waited so long that its status should say so.
	ShowQueued bool
}

// Pause is a time during which calls to a provider's service are paused.
type Pause struct {
	Reason, Message string
	Since, Until    time.Time // Until is the time of the next probe
	// Over is when the pause ends if no object waits, so that no probe is made.
	Over time.Time
}

// DecideQueued is for an object that has to wait for its slot. It needs no timer: the gate calls it up when it gets a
// slot, must be told that it waits, or has expired. No clock runs against the object while it only waits for its turn.
// An object that was never attempted ends when a pause has lasted for activeDeadlineSeconds
// (docs/decisions/0008-waiting-for-a-turn-is-free.md).
func DecideQueued(obj *v1alpha1.UserLogout, wait QueueState, now time.Time) Decision {
	switch p := wait.Pause; {
	case StartTime(obj).IsZero() && p != nil && now.Sub(later(p.Since, WaitsSince(obj))) >= ActiveDeadline(obj):
		status := deadlineExceeded(obj, now,
			fmt.Sprintf("; no call was made, because calls have been paused since %s: %s: %s",
				p.Since.UTC().Format(time.RFC3339), p.Reason, p.Message))
		return writeStatus(obj, status, time.Time{})
	case wait.ShowQueued && reconciling(obj.Status).Reason != v1alpha1.ReasonQueued: // written once
		return writeStatus(obj, queuedStatus(obj, wait.NamespaceOnly, now), time.Time{})
	}
	return Decision{}
}

// DecideBlocked is for an object that cannot be attempted because of something outside it. If the object has not been
// attempted yet, its clock runs while it is blocked.
func DecideBlocked(obj *v1alpha1.UserLogout, refused Refusal, now time.Time) Decision {
	since := StartTime(obj)
	switch is := Ready(obj.Status); {
	case !since.IsZero():
	case blocked(is.Reason):
		since = is.LastTransitionTime.Time
	default:
		since = now
	}
	end := earliest(since.Add(ActiveDeadline(obj)), NotAfter(obj))
	if passed(end, now) {
		return writeStatus(obj, deadlineExceeded(obj, now, ""), time.Time{})
	}
	if tell := refused.tell(now); now.Before(tell) {
		return Decision{At: earliest(tell, end)}
	}
	return writeStatus(obj, blockedStatus(obj, refused.Reason, refused.Message, now), end)
}

// DecideInvalid ends an object whose IDs the provider's client cannot send. The message names the field, and says what
// it must be.
func DecideInvalid(obj *v1alpha1.UserLogout, message string, now time.Time) Decision {
	return writeStatus(obj, failedStatus(obj, v1alpha1.ReasonInvalidSpec, message, now), time.Time{})
}

// decideFinished leaves a finished object alone, except for its TTL and for a later edit of suspend or of the TTL. It
// acknowledges such an edit; otherwise tools that compare generations would show the object as in progress for ever.
func decideFinished(obj *v1alpha1.UserLogout, now time.Time) Decision {
	if obj.Status.ObservedGeneration != obj.Generation {
		return Decision{Do: Write, Status: acknowledgedStatus(obj), At: now}
	}
	if obj.Spec.TTLSecondsAfterFinished == nil || !obj.DeletionTimestamp.IsZero() {
		return Decision{}
	}
	expiry := timeOf(obj.Status.CompletionTime).Add(seconds(*obj.Spec.TTLSecondsAfterFinished))
	if now.Before(expiry) {
		return Decision{At: expiry}
	}
	return Decision{Do: Remove}
}

// writeStatus asks for a write only if it changes something.
func writeStatus(obj *v1alpha1.UserLogout, status v1alpha1.UserLogoutStatus, at time.Time) Decision {
	if equality.Semantic.DeepEqual(obj.Status, status) {
		return Decision{At: at}
	}
	return Decision{Do: Write, Status: status, At: at}
}
