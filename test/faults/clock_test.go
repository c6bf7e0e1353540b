package faults

import (
	"net/http"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/arrivals"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// clockFault is a jump of the operator's clock while it runs, or another operator with another clock after a SIGKILL.
type clockFault struct {
	name    string
	jump    time.Duration
	restart bool
}

var clockFaults = []clockFault{
	{"an hour ahead", time.Hour, false},
	{"an hour back", -time.Hour, false},
	{"restarted an hour ahead", time.Hour, true},
	{"restarted an hour behind", -time.Hour, true},
}

// clockStates each bring objects into a state, and return a function that checks them after the fault. The last state
// is of calls, which do not wait for long.
var clockStates = []func(*testing.T, clockFault, *wallClock) (verify func()){
	inBackoff, inBackoffWithNotAfter, fixedBefore, heldByGate, inCrowd, underWay,
}

// longestWait is the longest backoff, rounded up to the next second.
const longestWait = 5*time.Minute + time.Second

// TestClock: when the operator's clock jumps, or the next operator's differs, no object waits for longer than the
// longest backoff, no rate is exceeded, and everything in progress ends as it would without the fault.
func TestClock(t *testing.T) {
	if !suite.Full() {
		t.Skip("only with -full: an operator with another clock is compiled anew from package time on")
	}
	program := buildWithWallClock(t)
	for _, tc := range clockFaults {
		t.Run(tc.name, func(t *testing.T) {
			c, on := newWallClock(t), common()
			on.proxy = apiproxy.New(t, plane.Config) // its certificate is valid at all times
			o := start(t, on, program)
			var verify []func()
			for _, state := range clockStates {
				verify = append(verify, state(t, tc, c))
			}
			if tc.restart {
				o.Kill()
			}
			c.set(t, tc.jump)
			jumped := c.now()
			waiting := c.unfinished()
			if tc.restart {
				start(t, on, program)
			}
			for _, f := range slices.Backward(verify) {
				f()
			}
			figures.AtMost(t, "longest wait", c.longestWait(waiting, jumped), longestWait, true)
		})
	}
}

// newClockEndpoint returns an endpoint that has answered a call. It uses the operator's clock, as a service must that
// checks the age of a signature: with another clock, the Date of an answer would correct the SDK's clock.
func newClockEndpoint(t *testing.T, c *wallClock, name string, l limit) *endpoint {
	t.Helper()
	e := &endpoint{
		Server: chimetest.NewServer(chimetest.Options{Credentials: validKeys, Now: c.now}), on: common(),
		provider: nameFor(t, 0) + "-" + name, limit: l, deadline: 24 * 60 * 60,
	}
	e.serve(t)
	e.sign(t, validKeys[0])
	atWork(t, e)
	c.services = append(c.services, e)
	return e
}

// unfinished are the IDs of the users who have not been logged out at any of the clock's services.
func (c *wallClock) unfinished() map[string]bool {
	users := map[string]bool{}
	for _, e := range c.services {
		for i := range e.objects {
			if user := e.name(i + 1); len(e.Sessions(account, user)) > 0 {
				users[user] = true
			}
		}
	}
	return users
}

// longestWait is the longest time from a moment to the call that logged one of the users out, both by the services'
// clock.
func (c *wallClock) longestWait(users map[string]bool, from time.Time) (longest time.Duration) {
	now := c.now()
	for _, e := range c.services {
		for _, call := range e.Journal() {
			// A call that arrived before the clock was set back seems to be later than now.
			if users[call.UserID] && call.Status == http.StatusNoContent && !call.Time.After(now) {
				longest = max(longest, call.Time.Sub(from))
			}
		}
	}
	return longest
}

// noService is the answer of an endpoint that does not support LogoutUser: the object waits for at least half a minute.
var noService = chimetest.Answer{Status: http.StatusNotFound, Body: page}

// waitingAfterFailure returns an object that waits for its second attempt, and the earliest time of that attempt.
func waitingAfterFailure(t *testing.T, e *endpoint, notAfter time.Time) (*v1alpha1.UserLogout, time.Time) {
	t.Helper()
	obj := e.next()
	if !notAfter.IsZero() {
		obj.Spec.NotAfter = &metav1.Time{Time: notAfter}
	}
	e.Script(account, obj.Spec.UserID, noService)
	e.created(t, obj)
	return obj, e.awaitStatus(t, obj, "the failure", hasOutcome).NextAttemptTime.Time
}

func inBackoff(t *testing.T, _ clockFault, c *wallClock) func() {
	e := newClockEndpoint(t, c, "backoff", unlimited)
	obj, _ := waitingAfterFailure(t, e, time.Time{})
	return func() { figures.AtMost(t, "repeats after a backoff", e.verify(t, obj)-1, 0, true) }
}

// inBackoffWithNotAfter: notAfter is compared with the present clock.
func inBackoffWithNotAfter(t *testing.T, f clockFault, c *wallClock) func() {
	e := newClockEndpoint(t, c, "notafter", unlimited)
	obj, _ := waitingAfterFailure(t, e, c.now().Add(30*time.Minute))
	return func() {
		if f.jump < 0 {
			e.verify(t, obj)
			return
		}
		e.expectLate(t, obj, 1)
	}
}

// expectLate checks that an object failed for its deadline, after so many calls.
func (e *endpoint) expectLate(t *testing.T, obj *v1alpha1.UserLogout, calls int) {
	t.Helper()
	if ready := readyOf(e.awaitFinished(t, obj)); ready.Reason != v1alpha1.ReasonDeadlineExceeded {
		t.Errorf("%s: %s: %s", obj.Name, ready.Reason, ready.Message)
	}
	if n := e.Calls(account, obj.Spec.UserID); n != calls {
		t.Errorf("%s: %d calls, want %d", obj.Name, n, calls)
	}
}

// heldByGate: the gate resumes calls as soon as the service has asked for, or, if the next operator's clock is behind,
// after the longest pause at the latest. The test does not wait for that.
func heldByGate(t *testing.T, f clockFault, c *wallClock) func() {
	e := newClockEndpoint(t, c, "held", unlimited)
	const refused = 3          // as many as have been answered: a single failure would count as its user's
	answer := retryAfter("30") // longer than the time until the clock jumps
	answer.Times = refused
	e.Script("", "", answer)
	objects := e.create(t, refused)
	e.awaitProvider(t, metav1.ConditionFalse, throttled)
	objects = append(objects, e.create(t, 3)...)
	before := e.Calls("", "")
	return func() {
		if !f.restart || f.jump > 0 {
			figures.AtMost(t, "calls while held", e.verify(t, objects...)-refused, 0, true)
			return
		}
		p := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: e.provider}}
		var until time.Duration
		e.on.awaitSeen(t, &v1alpha1.ClusterLogoutProviderList{}, p, "a pause that is not too long",
			func(seen client.Object) bool {
				hold := seen.(*v1alpha1.ClusterLogoutProvider).Status.Hold
				if hold == nil {
					return false
				}
				until = hold.NextProbeTime.Sub(c.now())
				return until <= longestWait
			})
		figures.AtMost(t, "longest pause of a provider", until, longestWait, true)
		figures.AtMost(t, "calls while held", e.Calls("", "")-before, 0, true)
		for _, obj := range objects {
			if err := e.on.admin.Delete(t.Context(), obj); err != nil {
				t.Error(err)
			}
		}
	}
}

// fixedBefore: an object that fails after the jump waits, although its provider was fixed before. If the clock went
// back, the time of the fix is in the future.
func fixedBefore(t *testing.T, _ clockFault, c *wallClock) func() {
	e := newClockEndpoint(t, c, "fixed", unlimited)
	e.sign(t, validKeys[1])
	atWork(t, e)
	return func() {
		atWork(t, e)
		obj, next := waitingAfterFailure(t, e, time.Time{})
		e.Script(account, obj.Spec.UserID,
			chimetest.Answer{Status: noService.Status, Body: page, Times: chimetest.Forever})
		for range 20 {
			atWork(t, e) // or three failures in a row would pause the gate
		}
		early := 0
		for _, call := range e.Journal() {
			if call.UserID == obj.Spec.UserID && call.Time.Before(next) {
				early++
			}
		}
		figures.AtMost(t, "calls of an object that has to wait", early-1, 0, true)
		if err := e.on.admin.Delete(t.Context(), obj); err != nil {
			t.Error(err)
		}
	}
}

// inCrowd: objects that wait for their slots are called for at the provider's rate.
func inCrowd(t *testing.T, f clockFault, c *wallClock) func() {
	const crowd = 150
	l := limit{5, 5} // so that most of them still wait when the clock jumps
	e := newClockEndpoint(t, c, "crowd", l)
	objects := e.create(t, crowd)
	jumped := time.Now()
	return func() {
		e.verify(t, objects...)
		refused := e.refused()
		repeats := e.Calls("", "") - refused - e.objects
		after := slices.DeleteFunc(e.Journal(), func(entry chimetest.Entry) bool {
			return entry.Time.Sub(jumped.Add(f.jump)).Abs() > 30*time.Minute
		})
		var times []time.Time
		for _, entry := range after {
			times = append(times, entry.Time)
		}
		if len(times) <= l.burst+workers {
			t.Errorf("%d calls after the jump: nothing is shown", len(times))
		}
		figures.AtMost(t, "calls beyond the rate", arrivals.Excess(times, l.perSecond), l.burst+workers, true)
		most := 0
		if f.restart {
			most = 10 // one for each worker that was killed
		}
		figures.AtMost(t, "repeats in the crowd", repeats, most, true)
		// At most the calls in flight when the clock jumps.
		figures.AtMost(t, "calls in the crowd that were signed before the jump and refused after it", refused,
			workers, true)
	}
}

// refused is how many calls the service has rejected for their signature.
func (e *endpoint) refused() (n int) {
	for _, call := range e.Journal() {
		if call.Signature != chimetest.SignatureValid {
			n++
		}
	}
	return n
}

// underWay: a call in progress ends as without the jump, whatever notAfter says by then. A killed call is repeated when
// its claim has expired, but not after notAfter.
func underWay(t *testing.T, f clockFault, c *wallClock) func() {
	e := newClockEndpoint(t, c, "call", unlimited)
	plain, bound := e.next(), e.next()
	bound.Spec.NotAfter = &metav1.Time{Time: c.now().Add(30 * time.Minute)}
	var holds []*chimetest.Hold
	for _, obj := range []*v1alpha1.UserLogout{plain, bound} {
		hold := e.Hold(account, obj.Spec.UserID)
		e.created(t, obj)
		<-hold.Arrived()
		holds = append(holds, hold)
	}
	return func() {
		for _, hold := range holds {
			hold.Release()
		}
		again := 0
		if f.restart {
			again = 1
		}
		figures.AtMost(t, "repeats of a call under way", e.verify(t, plain), again, true)
		if f.restart && f.jump > 0 {
			e.expectLate(t, bound, 1)
			return
		}
		figures.AtMost(t, "repeats of a call under way, with notAfter", e.verify(t, bound), again, true)
	}
}
