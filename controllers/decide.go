package controllers

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// action is what a decision asks for.
type action int

const (
	wait    action = iota // nothing to do now
	write                 // store decision.status
	remove                // delete the object: its TTL is over
	attempt               // the object is due: claim, call, outcome
)

// decision is what to do with an object. Every decision is a pure function of
// the object and the time, so that all of them can be tested in tables.
type decision struct {
	do     action
	status v1alpha1.UserLogoutStatus // for write
	at     time.Time                 // look again at this time; zero: only when something changes

	admission admission // for attempt
}

// decide says what is to be done with the object at the time now, as far as the
// object alone can tell. mended is when its provider was last given other
// credentials or another address; zero for never.
func decide(obj *v1alpha1.UserLogout, mended, now time.Time) decision {
	next := nextAttempt(obj, mended, now)
	switch {
	case finished(obj):
		return decideFinished(obj, now)
	case calling(obj) && now.Before(next):
		// A call is under way, or its outcome was lost: until the claim runs
		// out nobody else may write, or a logout that succeeds could be
		// recorded as failed.
		return decision{at: next}
	case !obj.DeletionTimestamp.IsZero():
		// Somebody's finalizer holds it, perhaps for ever. Who deletes it wants
		// no logout any more.
		return writeStatus(obj, deletedStatus(obj, now), time.Time{})
	case passed(timeOf(obj.Spec.NotAfter), now):
		return writeStatus(obj, deadlineExceeded(obj, now, ""), time.Time{})
	case suspended(obj):
		return writeStatus(obj, suspendedStatus(obj, now), timeOf(obj.Spec.NotAfter))
	case ready(obj.Status).Reason == v1alpha1.ReasonSuspended:
		return writeStatus(obj, resumedStatus(obj, now), now)
	case passed(deadline(obj), now):
		return writeStatus(obj, deadlineExceeded(obj, now, ""), time.Time{})
	case now.Before(next):
		return decision{at: earliest(next, deadline(obj))}
	}
	if field, err := checkIDs(obj); err != nil {
		return writeStatus(obj, failedStatus(obj, v1alpha1.ReasonInvalidSpec, field+" "+err.Error(), now), time.Time{})
	}
	return decision{do: attempt}
}

// nextAttempt is the time before which the object is not attempted. A backoff
// ends when what the last attempt failed of may have been mended since; not one that
// the service has asked for.
func nextAttempt(obj *v1alpha1.UserLogout, mended, now time.Time) time.Time {
	next := timeOf(obj.Status.NextAttemptTime)
	if next.After(now.Add(backoffCap + time.Second)) {
		// Nobody waits for so long: it was written by a clock that has been set
		// back since, or by another that is ahead.
		return time.Time{}
	}
	switch ready(obj.Status).Reason {
	case v1alpha1.ReasonUnauthorized, v1alpha1.ReasonUnexpectedResponse, v1alpha1.ReasonEndpointUnreachable, v1alpha1.ReasonServiceFailure:
		// An attempt's time is a full second, so what was mended counts from the next
		// one on: an attempt of the same second may have been made before or after.
		if last := obj.Status.LastAttempt; last != nil && last.Time.Before(ceilSecond(mended)) {
			return earlier(next, ceilSecond(mended).Time)
		}
	}
	return next
}

// decideQueued is for an object that has to wait for its slot. The gate calls it
// up when it has one, is to be told that it waits, or has expired, so that it
// needs no timer. While it waits for nothing but its turn, no clock runs against
// it; trouble at the service that lasts for activeDeadlineSeconds ends it
// (docs/decisions/0008-waiting-for-a-turn-is-free.md).
func decideQueued(obj *v1alpha1.UserLogout, wait gate.Wait, now time.Time) decision {
	switch p := wait.Paused; {
	case startTime(obj).IsZero() && p != nil && now.Sub(later(p.Since, cameAt(obj))) >= activeDeadline(obj):
		status := deadlineExceeded(obj, now, fmt.Sprintf("; no call was made, as calls have been paused since %s: %s: %s",
			p.Since.UTC().Format(time.RFC3339), p.Reason, p.Message))
		return writeStatus(obj, status, time.Time{})
	case wait.Tell && reconciling(obj.Status).Reason != v1alpha1.ReasonQueued: // said once
		return writeStatus(obj, queuedStatus(obj, wait.Own, now), time.Time{})
	}
	return decision{}
}

// cameAt is when an object that was not attempted began to wait: at its creation,
// or when it last got another standing, such as by being resumed.
func cameAt(obj *v1alpha1.UserLogout) time.Time {
	return later(obj.CreationTimestamp.Time, ready(obj.Status).LastTransitionTime.Time)
}

// decideBlocked is for an object that something outside it keeps from being
// attempted. If it has not been attempted, its clock runs for as long as that.
func decideBlocked(obj *v1alpha1.UserLogout, refused refusal, now time.Time) decision {
	since := startTime(obj)
	switch is := ready(obj.Status); {
	case !since.IsZero():
	case blocked(is.Reason):
		since = is.LastTransitionTime.Time
	default:
		since = now
	}
	end := earliest(since.Add(activeDeadline(obj)), timeOf(obj.Spec.NotAfter))
	if passed(end, now) {
		return writeStatus(obj, deadlineExceeded(obj, now, ""), time.Time{})
	}
	if tell := refused.tell(now); now.Before(tell) {
		return decision{at: earliest(tell, end)}
	}
	return writeStatus(obj, blockedStatus(obj, refused.reason, refused.message, now), end)
}

// decideFinished: a finished object is never touched again, but for its TTL
// and for a later edit of suspend or the TTL, which is acknowledged, or tools
// that compare generations would show a finished object as in progress for ever.
func decideFinished(obj *v1alpha1.UserLogout, now time.Time) decision {
	if obj.Status.ObservedGeneration != obj.Generation {
		return decision{do: write, status: acknowledgedStatus(obj), at: now}
	}
	if obj.Spec.TTLSecondsAfterFinished == nil || !obj.DeletionTimestamp.IsZero() {
		return decision{}
	}
	expiry := timeOf(obj.Status.CompletionTime).Add(seconds(*obj.Spec.TTLSecondsAfterFinished))
	if now.Before(expiry) {
		return decision{at: expiry}
	}
	return decision{do: remove}
}

// writeStatus asks for a write only if it changes something.
func writeStatus(obj *v1alpha1.UserLogout, status v1alpha1.UserLogoutStatus, at time.Time) decision {
	if equality.Semantic.DeepEqual(obj.Status, status) {
		return decision{at: at}
	}
	return decision{do: write, status: status, at: at}
}

// finished reports whether the object has ended, either way.
func finished(obj *v1alpha1.UserLogout) bool {
	return meta.IsStatusConditionTrue(obj.Status.Conditions, v1alpha1.ConditionFinished)
}

// needsWork reports whether decide could ask for anything, now or later. It is
// the filter of watch events.
func needsWork(obj *v1alpha1.UserLogout) bool {
	return !finished(obj) || obj.Spec.TTLSecondsAfterFinished != nil || obj.Status.ObservedGeneration != obj.Generation
}

// calling reports whether the last write to the object was a claim.
func calling(obj *v1alpha1.UserLogout) bool {
	return ready(obj.Status).Reason == v1alpha1.ReasonCalling
}

func suspended(obj *v1alpha1.UserLogout) bool { return obj.Spec.Suspend != nil && *obj.Spec.Suspend }

// ready returns the Ready condition; a zero one if there is none.
func ready(s v1alpha1.UserLogoutStatus) metav1.Condition {
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

// startTime is when the clock of activeDeadlineSeconds started: with the first
// claim. It is zero as long as the object waits for that.
func startTime(obj *v1alpha1.UserLogout) time.Time { return timeOf(obj.Status.StartTime) }

// deadline is the moment from which no attempt starts any more; zero for none.
func deadline(obj *v1alpha1.UserLogout) time.Time {
	started := startTime(obj)
	if started.IsZero() {
		return timeOf(obj.Spec.NotAfter)
	}
	return earliest(started.Add(activeDeadline(obj)), timeOf(obj.Spec.NotAfter))
}

func activeDeadline(obj *v1alpha1.UserLogout) time.Duration {
	return seconds(activeDeadlineSeconds(obj))
}

// activeDeadlineSeconds repeats the schema's default for objects that did not
// come through an API server.
func activeDeadlineSeconds(obj *v1alpha1.UserLogout) int32 {
	if obj.Spec.ActiveDeadlineSeconds == 0 {
		return 3600
	}
	return obj.Spec.ActiveDeadlineSeconds
}

func checkIDs(obj *v1alpha1.UserLogout) (field string, err error) {
	if err := logout.CheckID(obj.Spec.AccountID); err != nil {
		return "spec.accountID", err
	}
	return "spec.userID", logout.CheckID(obj.Spec.UserID)
}

// passed reports whether the time t, if there is one, has come.
func passed(t, now time.Time) bool { return !t.IsZero() && !now.Before(t) }

// earliest of the times that are not zero.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func timeOf(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

func seconds(n int32) time.Duration { return time.Duration(n) * time.Second }
