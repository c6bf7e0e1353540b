package lifecycle

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/logout"
)

func TestFinishedObjectKeepsItsOutcome(t *testing.T) {
	obj := object(claimedAt(0), loggedOutAt(1))
	obj.Spec.Suspend, obj.Generation = ptr.To(true), 2
	d := Decide(obj, time.Time{}, at(5))
	want := obj.Status.DeepCopy()
	want.ObservedGeneration = 2
	for i := range want.Conditions {
		want.Conditions[i].ObservedGeneration = 2
	}
	if d.Do != Write || !equality.Semantic.DeepEqual(d.Status, *want) {
		t.Errorf("a later generation changed more than observedGeneration:\n%+v\nwant\n%+v", d.Status, *want)
	}
	obj.Status = d.Status
	if d := Decide(obj, time.Time{}, at(6)); d.Do != Wait {
		t.Errorf("written twice: %+v", d)
	}
}

func TestDeadlineExceededSaysHowFarItCame(t *testing.T) {
	for _, tt := range []struct {
		name string
		obj  *v1alpha1.UserLogout
		want string
	}{
		{"never seen", object(), "not logged out within activeDeadlineSeconds (3600)"},
		{"notAfter", object(notAfter(10)), "not logged out by notAfter (2026-11-22T12:00:10Z)"},
		{"blocked", object(blockedAt(0)),
			"not logged out within activeDeadlineSeconds (3600); last: ProviderNotFound: no provider"},
		{"throttled", object(claimedAt(0), throttledAt(1, 1)),
			"not logged out within activeDeadlineSeconds (3600); last: Throttled: slow down"},
		{"outcome lost", object(claimedAt(0)),
			"not logged out within activeDeadlineSeconds (3600); the outcome of attempt 1 is unknown, so the user may have been logged out"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Ready(deadlineExceeded(tt.obj, at(4000), "")).Message; got != tt.want {
				t.Errorf("message %q, want %q", got, tt.want)
			}
		})
	}
}

func TestConditions(t *testing.T) {
	blocked := func(obj *v1alpha1.UserLogout) {
		obj.Status = blockedStatus(obj, v1alpha1.ReasonNotAllowed, "not allowed", at(0))
	}
	for _, tt := range []struct {
		name string
		obj  *v1alpha1.UserLogout
		want string // the statuses of Ready, Finished, Reconciling and Stalled
	}{
		{"created", object(), "- - - -"},
		{"calling", object(claimedAt(0)), "Unknown:Calling False:InProgress True:Progressing -"},
		{"will retry", object(claimedAt(0), throttledAt(1, 9)),
			"False:Throttled False:InProgress True:ProgressingWithRetry -"},
		{"calling again", object(claimedAt(0), throttledAt(1, 9), claimedAt(10)),
			"Unknown:Calling False:InProgress True:Progressing -"},
		{"blocked", object(blocked), "False:NotAllowed False:InProgress True:ProgressingWithRetry -"},
		{"queued", object(queuedAt(0)), "Unknown:Queued False:InProgress True:Queued -"},
		{"queued after a failure", object(claimedAt(0), throttledAt(1, 9), queuedAt(10)),
			"False:Throttled False:InProgress True:Queued -"},
		{"queued once the provider is there", object(blocked, queuedAt(10)),
			"Unknown:Queued False:InProgress True:Queued -"},
		{"called up", object(queuedAt(0), claimedAt(20)), "Unknown:Calling False:InProgress True:Progressing -"},
		{"suspended", object(claimedAt(0), throttledAt(1, 9), suspendedAt(2)), "False:Suspended False:Suspended - -"},
		{"resumed", object(suspendedAt(2), liftSuspend, resumedAt(3)),
			"Unknown:Progressing False:InProgress True:Progressing -"},
		{"failed for good", object(claimedAt(0), refusedAt(1)), "False:NotFound True:Failed - True:NotFound"},
		{"logged out", object(claimedAt(0), throttledAt(1, 9), claimedAt(10), loggedOutAt(11)),
			"True:LoggedOut True:Succeeded - -"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionFinished,
				v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
				c := meta.FindStatusCondition(tt.obj.Status.Conditions, kind)
				if c == nil {
					got = append(got, "-")
					continue
				}
				got = append(got, string(c.Status)+":"+c.Reason)
				if c.ObservedGeneration != tt.obj.Generation || tt.obj.Status.ObservedGeneration != tt.obj.Generation {
					t.Errorf("%s: observedGeneration %d, status %d, want %d", kind, c.ObservedGeneration,
						tt.obj.Status.ObservedGeneration, tt.obj.Generation)
				}
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("conditions %s, want %s", s, tt.want)
			}
		})
	}
}

// TestUnconfirmed: a service that answers with another success than it documents may have logged the user out each time.
// So the calls end after a few of them, with other failures between them or not.
func TestUnconfirmed(t *testing.T) {
	accepted := &logout.Error{Reason: logout.UnexpectedResponse, Unconfirmed: true, HTTPStatusCode: 202, Message: "HTTP 202"}
	unavailable := &logout.Error{Reason: logout.ServiceUnavailable, HTTPStatusCode: 503, Message: "HTTP 503"}
	obj, now := object(), at(0)
	for n := int32(1); n <= maxUnconfirmed; n++ {
		for _, failure := range []*logout.Error{unavailable, accepted} {
			if Finished(obj) {
				t.Fatalf("finished after %d", n-1)
			}
			obj.Status = Claimed(obj, now, time.Minute)
			obj.Status = FailedAttempt(obj, now, failure, now, time.Second)
			now = now.Add(time.Minute)
		}
		if got := obj.Status.UnconfirmedAttempts; got != n {
			t.Fatalf("%d attempts counted, want %d", got, n)
		}
	}
	ready := Ready(obj.Status)
	if !Finished(obj) || ready.Reason != v1alpha1.ReasonUnconfirmed || obj.Status.NextAttemptTime != nil ||
		ready.Message != "gave up after 5 such answers: HTTP 202" || obj.Status.LastAttempt.HTTPStatusCode != 202 ||
		!meta.IsStatusConditionTrue(obj.Status.Conditions, v1alpha1.ConditionStalled) {
		t.Errorf("%+v", obj.Status)
	}
}
