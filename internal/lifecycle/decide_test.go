package lifecycle

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/logout"
)

var created = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return created.Add(time.Duration(seconds) * time.Second) }

func metaAt(seconds int) *metav1.Time { return &metav1.Time{Time: at(seconds)} }

// object returns a UserLogout as the API server returns it right after its creation.
func object(edits ...func(*v1alpha1.UserLogout)) *v1alpha1.UserLogout {
	obj := &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: "security", Name: "jane", UID: "1", Generation: 1,
			CreationTimestamp: metav1.Time{Time: created}},
		Spec:   v1alpha1.UserLogoutSpec{AccountID: "account", UserID: "user", ActiveDeadlineSeconds: 3600},
		Status: v1alpha1.UserLogoutStatus{ObservedGeneration: -1},
	}
	for _, edit := range edits {
		edit(obj)
	}
	return obj
}

// The edits below take an object through its life with the functions that the controller uses, so that the tables start
// from states that can occur.

func claimedAt(seconds int) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) { obj.Status = Claimed(obj, at(seconds), 30*time.Second) }
}

func throttledAt(seconds, backoff int) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) {
		failure := &logout.Error{Reason: logout.Throttled, HTTPStatusCode: 429, Message: "slow down"}
		obj.Status = FailedAttempt(obj, at(seconds), failure, at(seconds), time.Duration(backoff)*time.Second)
	}
}

func loggedOutAt(seconds int) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) {
		obj.Status = LoggedOut(obj, at(seconds), logout.Receipt{HTTPStatusCode: 204, RequestID: "r"}, at(seconds))
	}
}

func refusedAt(seconds int) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) {
		failure := &logout.Error{Reason: logout.NotFound, HTTPStatusCode: 404, Message: "no such user"}
		obj.Status = FailedAttempt(obj, at(seconds), failure, at(seconds), 0)
	}
}

func suspendedAt(seconds int) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) {
		obj.Spec.Suspend = ptr.To(true)
		obj.Generation++
		obj.Status = suspendedStatus(obj, at(seconds))
	}
}

func liftSuspend(obj *v1alpha1.UserLogout) { obj.Spec.Suspend = nil; obj.Generation++ }

func resumedAt(seconds int) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) { obj.Status = resumedStatus(obj, at(seconds)) }
}

func notAfter(seconds int) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) { obj.Spec.NotAfter = metaAt(seconds) }
}

func activeFor(seconds int32) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) { obj.Spec.ActiveDeadlineSeconds = seconds }
}

func ttl(seconds int32) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) { obj.Spec.TTLSecondsAfterFinished = &seconds }
}

func queuedAt(seconds int) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) { obj.Status = queuedStatus(obj, false, at(seconds)) }
}

func createdAt(seconds int) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) { obj.CreationTimestamp = *metaAt(seconds) }
}

func uncalledAt(seconds int) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) {
		obj.Status = Uncalled(obj, &Refusal{Reason: v1alpha1.ReasonQueued, Message: "calls are paused"}, at(seconds))
	}
}

func lateAt(seconds, backoff int) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) {
		obj.Status = Uncalled(obj, &Refusal{Reason: v1alpha1.ReasonQueued, Message: "storing the claim took too long",
			Backoff: time.Duration(backoff) * time.Second}, at(seconds))
	}
}

func blockedAt(seconds int) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) {
		obj.Status = blockedStatus(obj, v1alpha1.ReasonProviderNotFound, "no provider", at(seconds))
	}
}

func endedAsDeletedAt(seconds int) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) { obj.Status = deletedStatus(obj, at(seconds)) }
}

func deleted(obj *v1alpha1.UserLogout) { obj.DeletionTimestamp = metaAt(0) }

func TestDecide(t *testing.T) {
	suspendSpec := func(obj *v1alpha1.UserLogout) { obj.Spec.Suspend = ptr.To(true); obj.Generation++ }
	tests := []struct {
		name   string
		obj    *v1alpha1.UserLogout
		now    int
		do     Action
		at     time.Time
		reason string // reason of Ready, if it writes
	}{
		{"new", object(), 0, Attempt, time.Time{}, ""},
		{"new, the clock is behind the API server's", object(), -5, Attempt, time.Time{}, ""},
		{"deleting", object(deleted), 0, Write, time.Time{}, v1alpha1.ReasonDeleted},
		{"deleting and seen", object(deleted, endedAsDeletedAt(1)), 99999, Wait, time.Time{}, ""},
		{"deleting, a claim stands", object(claimedAt(0), deleted), 5, Wait, at(30), ""},
		{"deleting, the claim ran out", object(claimedAt(0), deleted), 30, Write, time.Time{}, v1alpha1.ReasonDeleted},
		{"deleting in the backoff", object(claimedAt(0), throttledAt(1, 60), deleted), 5, Write, time.Time{},
			v1alpha1.ReasonDeleted},
		{"deleting and suspended", object(suspendedAt(0), deleted), 5, Write, time.Time{}, v1alpha1.ReasonDeleted},
		{"deleting and lifted", object(suspendedAt(0), liftSuspend, deleted), 5, Write, time.Time{},
			v1alpha1.ReasonDeleted},
		{"deleting past the deadline", object(deleted), 9999, Write, time.Time{}, v1alpha1.ReasonDeleted},
		{"deleting, logged out", object(claimedAt(0), loggedOutAt(1), deleted), 9, Wait, time.Time{}, ""},
		{"deleting, with a TTL to come", object(ttl(60), claimedAt(0), loggedOutAt(1), deleted), 9, Wait, time.Time{},
			""},
		{"deleting, with a TTL that is over", object(ttl(0), claimedAt(0), loggedOutAt(1), deleted), 9, Wait,
			time.Time{}, ""},

		{"claimed a moment ago", object(claimedAt(0)), 5, Wait, at(30), ""},
		{"claimed, then suspended", object(claimedAt(0), suspendSpec), 5, Wait, at(30), ""},
		{"claimed, and the deadline has passed since", object(activeFor(10), claimedAt(0)), 15, Wait, at(30), ""},
		{"claimed, and notAfter has passed since", object(notAfter(10), claimedAt(0)), 15, Wait, at(30), ""},
		{"the claim ran out", object(claimedAt(0)), 30, Attempt, time.Time{}, ""},
		{"the claim ran out, and the deadline passed", object(activeFor(10), claimedAt(0)), 30, Write, time.Time{},
			v1alpha1.ReasonDeadlineExceeded},
		{"the claim ran out while suspended", object(claimedAt(0), suspendSpec), 30, Write, time.Time{},
			v1alpha1.ReasonSuspended},

		{"backoff", object(claimedAt(0), throttledAt(1, 60)), 30, Wait, at(61), ""},
		{"backoff over", object(claimedAt(0), throttledAt(1, 60)), 61, Attempt, time.Time{}, ""},
		{"backoff beyond the deadline", object(activeFor(40), claimedAt(0), throttledAt(1, 60)), 30, Wait, at(40), ""},
		{"deadline in the backoff", object(activeFor(40), claimedAt(0), throttledAt(1, 60)), 40, Write, time.Time{},
			v1alpha1.ReasonDeadlineExceeded},
		{"backoff beyond notAfter", object(notAfter(40), claimedAt(0), throttledAt(1, 60)), 30, Wait, at(40), ""},

		{"suspended", object(suspendSpec), 0, Write, time.Time{}, v1alpha1.ReasonSuspended},
		{"suspended until notAfter", object(notAfter(50), suspendSpec), 0, Write, at(50), v1alpha1.ReasonSuspended},
		{"suspended and seen", object(suspendedAt(0)), 5000, Wait, time.Time{}, ""},
		{"suspended and seen, until notAfter", object(notAfter(50), suspendedAt(0)), 5, Wait, at(50), ""},
		{"suspended past notAfter", object(notAfter(50), suspendedAt(0)), 50, Write, time.Time{},
			v1alpha1.ReasonDeadlineExceeded},
		{"suspended in the backoff", object(claimedAt(0), throttledAt(1, 60), suspendSpec), 5, Write, time.Time{},
			v1alpha1.ReasonSuspended},
		{"suspended in the backoff and seen", object(claimedAt(0), throttledAt(1, 60), suspendedAt(5)), 70, Wait,
			time.Time{}, ""},
		{"resumed in the backoff", object(claimedAt(0), throttledAt(1, 60), suspendedAt(5), liftSuspend, resumedAt(6)),
			7, Wait, at(61), ""},
		{"resumed after the backoff", object(claimedAt(0), throttledAt(1, 60), suspendedAt(5), liftSuspend,
			resumedAt(6)),
			61, Attempt, time.Time{}, ""},
		{"resumed after a claim that ran out", object(claimedAt(0), suspendedAt(30), liftSuspend, resumedAt(31)),
			32, Attempt, time.Time{}, ""},
		{"lifted", object(suspendedAt(0), liftSuspend), 5000, Write, at(5000), v1alpha1.ReasonProgressing},
		{"resumed", object(suspendedAt(0), liftSuspend, resumedAt(5000)), 5001, Attempt, time.Time{}, ""},
		{"resumed, waits for its turn", object(suspendedAt(0), liftSuspend, resumedAt(5000)), 9999, Attempt,
			time.Time{}, ""},
		{"resumed, before the new deadline", object(claimedAt(0), throttledAt(1, 9), suspendedAt(2), liftSuspend,
			resumedAt(5000), claimedAt(5001), throttledAt(5002, 1)), 8600, Attempt, time.Time{}, ""},
		{"resumed, new deadline passed", object(claimedAt(0), throttledAt(1, 9), suspendedAt(2), liftSuspend,
			resumedAt(5000), claimedAt(5001), throttledAt(5002, 1)), 8601, Write, time.Time{},
			v1alpha1.ReasonDeadlineExceeded},

		{"created after its notAfter", object(notAfter(-60)), 0, Write, time.Time{}, v1alpha1.ReasonDeadlineExceeded},
		{"at the deadline", object(claimedAt(5), throttledAt(6, 1)), 3605, Write, time.Time{},
			v1alpha1.ReasonDeadlineExceeded},
		{"a moment before the deadline", object(claimedAt(5), throttledAt(6, 1)), 3604, Attempt, time.Time{}, ""},
		{"no deadline given, as from no API server", object(activeFor(0), claimedAt(5), throttledAt(6, 1)), 3604,
			Attempt, time.Time{}, ""},
		{"waits for its first turn", object(), 99999, Attempt, time.Time{}, ""},
		{"waits for its first turn, and was told so", object(queuedAt(10)), 99999, Attempt, time.Time{}, ""},
		{"given back before its first call", object(claimedAt(5), uncalledAt(6)), 99999, Attempt, time.Time{}, ""},
		{"its claim was late", object(claimedAt(5), lateAt(13, 10)), 14, Wait, at(23), ""},
		{"its claim was late, backoff over", object(claimedAt(5), lateAt(13, 10)), 23, Attempt, time.Time{}, ""},
		{"its claims are late until the deadline", object(claimedAt(5), lateAt(13, 10), claimedAt(3590),
			lateAt(3598, 10)),
			3605, Write, time.Time{}, v1alpha1.ReasonDeadlineExceeded},
		{"given back before its second call", object(claimedAt(5), throttledAt(6, 1), claimedAt(8), uncalledAt(9)),
			3605, Write, time.Time{}, v1alpha1.ReasonDeadlineExceeded},
		{"attempted, waits for its turn past notAfter", object(notAfter(50), queuedAt(10)), 50, Write, time.Time{},
			v1alpha1.ReasonDeadlineExceeded},

		{"logged out", object(claimedAt(0), loggedOutAt(1)), 99999, Wait, time.Time{}, ""},
		{"refused", object(claimedAt(0), refusedAt(1)), 99999, Wait, time.Time{}, ""},
		{"TTL", object(ttl(60), claimedAt(0), loggedOutAt(1)), 2, Wait, at(61), ""},
		{"TTL over", object(ttl(60), claimedAt(0), loggedOutAt(1)), 61, Remove, time.Time{}, ""},
		{"TTL of zero", object(ttl(0), claimedAt(0), refusedAt(1)), 1, Remove, time.Time{}, ""},
		{"suspended after the end", object(claimedAt(0), loggedOutAt(1), suspendSpec), 9, Write, at(9),
			v1alpha1.ReasonLoggedOut},
		{"notAfter passed after the end", object(notAfter(5), claimedAt(0), loggedOutAt(1)), 9, Wait, time.Time{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := tt.obj.DeepCopy()
			d := Decide(tt.obj, time.Time{}, at(tt.now))
			if d.Do != tt.do || !d.At.Equal(tt.at) {
				t.Errorf("decide = %d at %v, want %d at %v", d.Do, d.At, tt.do, tt.at)
			}
			if got := Ready(d.Status).Reason; got != tt.reason {
				t.Errorf("writes reason %q, want %q", got, tt.reason)
			}
			if !equality.Semantic.DeepEqual(before, tt.obj) {
				t.Error("decide changed its argument")
			}
		})
	}
}

// TestFixEndsTheBackoff checks that a backoff ends when the cause of the last failure may have been fixed.
func TestFixEndsTheBackoff(t *testing.T) {
	failedAt := func(seconds int, reason logout.Reason) func(*v1alpha1.UserLogout) {
		return func(obj *v1alpha1.UserLogout) {
			obj.Status = FailedAttempt(obj, at(seconds), &logout.Error{Reason: reason}, at(seconds), time.Minute)
		}
	}
	for _, tt := range []struct {
		name   string
		reason logout.Reason
		fixed  time.Time
		next   time.Time
	}{
		{"never", logout.Unauthorized, time.Time{}, at(65)},
		{"before the attempt", logout.Unauthorized, at(4), at(65)},
		{"in the second before it", logout.Unauthorized, at(5).Add(-1), at(65)},
		{"after it", logout.Unauthorized, at(7), at(7)},
		{"in the same second", logout.Unauthorized, at(5).Add(time.Second / 2), at(6)},
		{"another endpoint", logout.UnexpectedResponse, at(7), at(7)},
		{"that had not been there", logout.EndpointUnreachable, at(7), at(7)},
		{"that had failed", logout.ServiceFailure, at(7), at(7)},
		{"which was not what it failed of", logout.ServiceUnavailable, at(7), at(65)},
		{"not what it failed of", logout.Throttled, at(7), at(65)},
		{"at a time that has yet to come", logout.Unauthorized, at(3600), at(65)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			obj := object(claimedAt(5), failedAt(5, tt.reason))
			for now := at(5); now.Before(at(66)); now = now.Add(time.Second / 4) {
				want := Decision{At: tt.next}
				if !now.Before(tt.next) {
					want = Decision{Do: Attempt}
				}
				if d := Decide(obj, tt.fixed, now); d.Do != want.Do || d.Do == Wait && !d.At.Equal(want.At) {
					t.Fatalf("decide at %s = %d at %s, want %d at %s", now.Format(time.TimeOnly), d.Do, d.At, want.Do,
						want.At)
				}
			}
		})
	}
}

// TestQueued checks that only an object that waits for long says so, and only once. No clock runs against an object
// that waits for its turn; an outage of the service can end it.
func TestQueued(t *testing.T) {
	paused := func(since int) *Pause {
		return &Pause{Reason: v1alpha1.ReasonServiceUnavailable, Message: "down", Since: at(since), Until: at(99999)}
	}
	for _, tt := range []struct {
		name string
		obj  *v1alpha1.UserLogout
		wait QueueState
		want string // the reason of Ready, if it writes
	}{
		{"not for long", object(), QueueState{}, ""},
		{"for long", object(), QueueState{ShowQueued: true}, v1alpha1.ReasonQueued},
		{"said already", object(queuedAt(20)), QueueState{ShowQueued: true}, ""},
		{"after a failure", object(claimedAt(60), throttledAt(61, 1)), QueueState{ShowQueued: true}, v1alpha1.ReasonThrottled},
		{"once the provider is there", object(blockedAt(1)), QueueState{ShowQueued: true}, v1alpha1.ReasonQueued},
		{"while calls are paused", object(), QueueState{ShowQueued: true, Pause: paused(9000)}, v1alpha1.ReasonQueued},
		{"paused for nearly too long", object(queuedAt(20)), QueueState{Pause: paused(10000 - 3599)}, ""},
		{"paused long before it came", object(createdAt(9990)), QueueState{ShowQueued: true, Pause: paused(0)},
			v1alpha1.ReasonQueued},
		{"paused long before it was resumed", object(suspendedAt(0), liftSuspend, resumedAt(9000)),
			QueueState{Pause: paused(0)}, ""},
		{"paused for too long", object(queuedAt(20)), QueueState{Pause: paused(10000 - 3600)},
			v1alpha1.ReasonDeadlineExceeded},
		{"paused for too long, not told", object(), QueueState{ShowQueued: true, Pause: paused(0)},
			v1alpha1.ReasonDeadlineExceeded},
		{"paused for too long, but attempted", object(claimedAt(9000), throttledAt(9001, 1), queuedAt(9010)),
			QueueState{Pause: paused(0)}, ""},
		{"paused for too long, with a short deadline", object(activeFor(10)), QueueState{Pause: paused(9990)},
			v1alpha1.ReasonDeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := DecideQueued(tt.obj, tt.wait, at(10000))
			if got := Ready(d.Status).Reason; got != tt.want || (d.Do == Write) != (tt.want != "") || !d.At.IsZero() {
				t.Errorf("decideQueued = %d, reason %q, at %v, want reason %q", d.Do, got, d.At, tt.want)
			}
			if m := Ready(d.Status).Message; tt.want == v1alpha1.ReasonDeadlineExceeded &&
				!strings.Contains(m, "calls have been paused since") {
				t.Errorf("message %q names no pause", m)
			}
		})
	}
}

// TestBlocked checks that the clock of an object without an attempt runs while something outside it prevents one, and
// not before.
func TestBlocked(t *testing.T) {
	for _, tt := range []struct {
		name string
		obj  *v1alpha1.UserLogout
		now  int
		want string // the reason of Ready, if it writes
		at   int    // -1 for never
	}{
		{"at first", object(), 5, v1alpha1.ReasonNotAllowed, 3605},
		{"after waiting for its turn for a day", object(queuedAt(10)), 86400, v1alpha1.ReasonNotAllowed, 90000},
		{"for another reason than before", object(blockedAt(5)), 3604, v1alpha1.ReasonNotAllowed, 3605},
		{"for too long", object(blockedAt(5)), 3605, v1alpha1.ReasonDeadlineExceeded, -1},
		{"until notAfter", object(notAfter(60)), 5, v1alpha1.ReasonNotAllowed, 60},
		{"after an attempt", object(claimedAt(0), throttledAt(1, 1)), 3000, v1alpha1.ReasonNotAllowed, 3600},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := DecideBlocked(tt.obj, Refusal{Reason: v1alpha1.ReasonNotAllowed, Message: "not allowed"}, at(tt.now))
			want := time.Time{}
			if tt.at >= 0 {
				want = at(tt.at)
			}
			if got := Ready(d.Status).Reason; got != tt.want || !d.At.Equal(want) {
				t.Errorf("reason %q, again at %v, want %q at %v", got, d.At, tt.want, want)
			}
		})
	}
	again := DecideBlocked(object(blockedAt(5)), Refusal{Reason: v1alpha1.ReasonProviderNotFound,
		Message: "no provider"}, at(9))
	if again.Do != Wait || !again.At.Equal(at(3605)) {
		t.Errorf("said twice: %+v", again)
	}
}

// TestInvalid: an object whose IDs cannot be sent finishes, whatever it has been through.
func TestInvalid(t *testing.T) {
	for _, obj := range []*v1alpha1.UserLogout{object(), object(claimedAt(0), throttledAt(1, 1)), object(blockedAt(5))} {
		d := DecideInvalid(obj, "spec.userID must not contain a slash", at(6))
		is := Ready(d.Status)
		if obj.Status = d.Status; d.Do != Write || !Finished(obj) || is.Reason != v1alpha1.ReasonInvalidSpec ||
			is.Message != "spec.userID must not contain a slash" {
			t.Errorf("%+v", d)
		}
	}
}

// TestClockSetBack checks that, after a clock was set back by an hour, an object does not wait for that hour, but no
// longer than the longest backoff.
func TestClockSetBack(t *testing.T) {
	for name, obj := range map[string]*v1alpha1.UserLogout{
		"in a backoff":                 object(claimedAt(3600), throttledAt(3601, 60)),
		"after a crash in mid-attempt": object(claimedAt(3600)),
	} {
		if d := Decide(obj, time.Time{}, at(1)); d.Do != Attempt {
			t.Errorf("%s: %+v", name, d)
		}
	}
	longest := object(claimedAt(10), throttledAt(10, int(MaxBackoff.Seconds())))
	if d := Decide(longest, time.Time{}, at(9)); d.Do != Wait || !d.At.Equal(at(10).Add(MaxBackoff)) {
		t.Errorf("the longest backoff, a second set back: %+v", d)
	}
}

// TestClockWasAhead checks that an object ends although its first attempt was made by a clock that was far ahead.
func TestClockWasAhead(t *testing.T) {
	ahead := created.AddDate(1, 0, 0)
	obj := object()
	obj.Status = Claimed(obj, ahead, time.Minute)
	now := created.Add(time.Minute)
	obj.Status = Claimed(obj, now, time.Minute)
	if end := now.Add(ActiveDeadline(obj)); Deadline(obj).After(end) {
		t.Errorf("the deadline is %s, want %s", Deadline(obj), end)
	}
}
