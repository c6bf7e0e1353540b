package gate

import (
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// closedBy returns the keeper of a gate whose calls a failure has paused, with four waiting objects.
func closedBy(t *testing.T, failure *logout.Error) *keeper {
	t.Helper()
	k := keepProven(t, quick)
	k.mustEnter(t, "n/trouble").end(failure)
	k.mustWait(t, "n/1", "n/2", "n/3", "n/4")
	return k
}

// probing lets time pass until the first of the four has called.
func probing(t *testing.T, k *keeper) *slot {
	t.Helper()
	k.now = k.state(k.now).Pause.Until
	k.mustCallUp(t, "n/1")
	return k.mustEnter(t, "n/1")
}

// TestRenewed checks that one call finds out at once whether other credentials work. Until then nothing is known.
func TestRenewed(t *testing.T) {
	for _, failure := range []*logout.Error{unauthorized, unreachable} {
		k := closedBy(t, failure)
		k.mustCallUp(t)
		k.changed = false
		k.renew("second")
		k.mustBeOpen(t)
		if !k.changed {
			t.Error("there is nothing to tell")
		}
		k.mustCallUp(t, "n/1")
		k.mustCallUp(t)
		k.renew("second") // a second time changes nothing
		k.mustCallUp(t)
		k.mustEnter(t, "n/1").end(asking(failure, time.Minute))
		k.mustBeClosed(t, failure.Reason, time.Minute)
		if since := k.state(k.now).Pause.Since; since != k.now {
			t.Errorf("closed since %s, before it was renewed", since)
		}
		k.pass(time.Minute)
		k.mustCallUp(t, "n/2")
	}
}

// TestRenewedInVain checks that other credentials do not end a pause that the service has asked for.
func TestRenewedInVain(t *testing.T) {
	for name, failure := range map[string]*logout.Error{
		"throttled":                     asking(throttled, 10*time.Second),
		"unavailable":                   asking(unavailable, 10*time.Second),
		"unauthorized with Retry-After": asking(unauthorized, 10*time.Second),
		"unreachable with Retry-After":  asking(unreachable, 10*time.Second),
	} {
		t.Run(name, func(t *testing.T) {
			k := closedBy(t, failure)
			k.renew("second")
			k.mustBeClosed(t, failure.Reason, 10*time.Second)
			k.pass(10*time.Second - 1)
			k.mustCallUp(t)
			k.pass(1)
			k.mustCallUp(t, "n/1")
			k.mustCallUp(t)
		})
	}
}

// TestRenewedWhileProbing checks that the result of a probe with the old credentials is ignored, and that the gate does
// not wait for it.
func TestRenewedWhileProbing(t *testing.T) {
	for _, failure := range []*logout.Error{throttled, unavailable, unauthorized} {
		for name, outcome := range map[string]*logout.Error{"success": nil, "permanent": permanent,
			"the same": failure} {
			t.Run(string(failure.Reason)+", "+name, func(t *testing.T) {
				k := closedBy(t, failure)
				probe := probing(t, k)
				k.renew("second")
				probe.end(outcome)
				k.pass(slowPauseMost)
				k.mustCallUp(t, "n/2")
				k.mustCallUp(t)
				k.mustEnter(t, "n/2").end(nil)
				k.pass(time.Second)
				k.mustCallUp(t, "n/3", "n/4")
			})
		}
	}
}

// TestRenewedWhileCalledUp checks that the object that comes next calls with the new credentials.
func TestRenewedWhileCalledUp(t *testing.T) {
	for _, failure := range []*logout.Error{throttled, unauthorized} {
		k := closedBy(t, failure)
		k.now = k.state(k.now).Pause.Until
		k.mustCallUp(t, "n/1")
		k.renew("second")
		k.mustCallUp(t)
		k.mustEnter(t, "n/1").end(nil)
		k.pass(time.Second)
		k.mustCallUp(t, "n/2", "n/3", "n/4")
	}
}

// TestRenewedOpen checks that a service that is called with other credentials counts as neither working nor failing.
func TestRenewedOpen(t *testing.T) {
	k := keepProven(t, quick)
	old := k.mustEnter(t, "n/old")
	k.renew("second")
	old.end(unauthorized)
	k.mustBeOpen(t)
	k.mustEnter(t, "n/new").end(asking(failing, 0))
	if k.state(k.now).Pause == nil || !k.suspicion.pauses("z") {
		t.Error("open after a suspicious failure of an unproven service")
	}
}

func TestRestored(t *testing.T) {
	for _, reason := range []logout.Reason{logout.Throttled, logout.Unauthorized} {
		k := keep(quick, &Pause{Reason: reason, Message: "not now", Since: begin.Add(-time.Minute),
			Until: begin.Add(20 * time.Second)})
		k.mustBeClosed(t, reason, 20*time.Second)
		k.mustWait(t, "n/1", "n/2")
		k.pass(20*time.Second - 1)
		k.mustCallUp(t)
		k.pass(1)
		k.mustCallUp(t, "n/1")
		k.mustEnter(t, "n/1").end(unavailable)
		c := k.state(k.now).Pause // as long again as the failure has lasted in all
		if pause := c.Until.Sub(k.now); c.Since != begin.Add(-time.Minute) || pause < pauseMost/2 {
			t.Errorf("closed for %s since %s", pause, c.Since)
		}
	}
}

// TestUnprobed checks that the state of the service is unknown after a while if no object wants to call, and that a
// single call finds out then.
func TestUnprobed(t *testing.T) {
	k := keepProven(t, quick)
	k.mustEnter(t, "n/trouble").end(asking(throttled, time.Second))
	k.pass(time.Second + PauseExpiry - 1)
	k.mustBeClosed(t, logout.Throttled, 1-PauseExpiry)
	k.pass(1)
	k.mustBeOpen(t)
	k.mustEnter(t, "n/1").report(asking(throttled, time.Minute))
	k.mustWait(t, "n/2")
	k.mustBeClosed(t, logout.Throttled, time.Minute)
}

// TestProbeNotMade checks that another object is the probe if a probe is not made.
func TestProbeNotMade(t *testing.T) {
	k := closedBy(t, throttled)
	probing(t, k).release() // cancelled, so without a report
	k.mustCallUp(t, "n/2")
	k.leave("n/3") // it waits in the queue, so nothing changes
	k.leave("n/unknown")
	k.mustCallUp(t)
	k.leave("n/2") // it is called up, but does not come
	k.mustCallUp(t, "n/4")
	k.mustEnter(t, "n/4").end(nil)
	k.mustBeOpen(t)
	if s := k.state(k.now); s.Waiting != 0 || s.Calls != 0 {
		t.Errorf("%+v", s)
	}
}

// TestSuspiciousProbe checks that one failed probe is enough to prolong a pause, even if the failure may be the
// object's and the service worked before. A permanent failure counts as an answer and ends the pause.
func TestSuspiciousProbe(t *testing.T) {
	k := closedBy(t, throttled)
	probing(t, k).end(failing)
	if c := k.state(k.now).Pause; c == nil || c.Reason != failing.Reason || !c.Until.After(k.now) {
		t.Fatalf("%+v after a suspicious probe", c)
	}
	k.mustCallUp(t)
	k.now = k.state(k.now).Pause.Until
	k.mustCallUp(t, "n/2")
	k.mustEnter(t, "n/2").end(permanent)
	k.mustBeOpen(t)
}

// TestProbeNotStored checks that a probe's slot that is released while the next probe is under way does not make room
// for a third. The outcome of a probe is known before it is stored, so this order can occur.
func TestProbeNotStored(t *testing.T) {
	k := closedBy(t, throttled)
	first := probing(t, k)
	first.report(asking(throttled, time.Second))
	k.pass(time.Second)
	k.mustCallUp(t, "n/2")
	first.release()
	k.pass(time.Second)
	k.mustCallUp(t)
	second := k.mustEnter(t, "n/2")
	k.mustCallUp(t)
	second.end(nil)
	k.pass(time.Second)
	k.mustCallUp(t, "n/3", "n/4")
}

// TestProbeOvertaken checks that a probe has no effect if an earlier call brings a longer Retry-After meanwhile. The
// probe began before that, so it neither ends the pause early nor lets a second probe be made beside it.
func TestProbeOvertaken(t *testing.T) {
	for name, outcome := range map[string]*logout.Error{"success": nil, "permanent": permanent, "failure": throttled} {
		t.Run(name, func(t *testing.T) {
			k := keepProven(t, quick)
			early, late := k.mustEnter(t, "n/early"), k.mustEnter(t, "n/late")
			early.end(throttled)
			k.mustWait(t, "n/1", "n/2", "n/3")
			probe := probing(t, k)
			late.end(asking(throttled, time.Minute))
			probe.end(outcome)
			k.mustBeClosed(t, logout.Throttled, time.Minute)
			k.pass(time.Minute - 1)
			k.mustCallUp(t)
			k.pass(1)
			k.mustCallUp(t, "n/2")
			k.mustCallUp(t)
		})
	}
}

// TestCalledUpWhenItCloses checks that objects called up when a pause begins get their turn again, in the same order.
func TestCalledUpWhenItCloses(t *testing.T) {
	k := keep(Limit{PerSecond: 100, Burst: 6}, nil)
	for range 6 {
		k.mustEnter(t, "n/0").end(nil)
	}
	k.mustWait(t, "n/1", "n/2", "n/3", "n/4", "n/5", "n/6", "n/7", "n/8")
	k.pass(time.Second)
	k.mustCallUp(t, "n/1", "n/2", "n/3", "n/4", "n/5", "n/6")
	k.mustEnter(t, "n/1").report(asking(unavailable, time.Second))
	k.mustWait(t, "n/2", "n/6")
	k.pass(time.Second)
	k.mustCallUp(t, "n/2")
	k.mustEnter(t, "n/2").end(nil)
	k.pass(time.Second)
	k.mustCallUp(t, "n/3", "n/4", "n/5", "n/6", "n/7", "n/8")
}

// TestWaiting checks that an object counts as waiting until it calls.
func TestWaiting(t *testing.T) {
	k := closedBy(t, asking(throttled, time.Minute))
	since, state := k.now, k.state(k.now)
	if state.Waiting != 4 || state.WaitingSince != since || state.Calls != 0 {
		t.Errorf("closed: %+v", state)
	}
	k.leave("n/2")
	k.leave("n/3")
	k.leave("n/4")
	k.pass(time.Minute)
	k.mustCallUp(t, "n/1")
	if state = k.state(k.now); state.Waiting != 1 || state.WaitingSince != since || state.Calls != 0 {
		t.Errorf("called up: %+v", state)
	}
	k.mustEnter(t, "n/1")
	if state = k.state(k.now); state.Waiting != 0 || !state.WaitingSince.IsZero() || state.Calls != 1 {
		t.Errorf("calling: %+v", state)
	}
}
