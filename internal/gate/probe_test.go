package gate

import (
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// closedBy returns the keeper of a gate that a failure has closed, with four
// objects waiting.
func closedBy(t *testing.T, failure *logout.Error) *keeper {
	t.Helper()
	k := keepProven(t, quick)
	k.mustEnter(t, "n/trouble").end(failure)
	k.mustWait(t, "n/1", "n/2", "n/3", "n/4")
	return k
}

// probing goes on until the first of the four has called.
func probing(t *testing.T, k *keeper) *slot {
	t.Helper()
	k.now = k.state(k.now).Pause.Until
	k.mustCallUp(t, "n/1")
	return k.mustEnter(t, "n/1")
}

// TestRenewed: with other credentials a single call tells at once what is the
// matter now; until then nothing is known.
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
		k.renew("second") // once is enough
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

// TestRenewedInVain: a service that wants fewer calls does not care about
// credentials.
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

// TestRenewedWhileProbing: what the probe brings that was made with the old
// credentials is no news, but the gate does not wait for it either.
func TestRenewedWhileProbing(t *testing.T) {
	for _, failure := range []*logout.Error{throttled, unavailable, unauthorized} {
		for name, outcome := range map[string]*logout.Error{"success": nil, "permanent": permanent, "the same": failure} {
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

// TestRenewedWhileCalledUp: the object that comes next calls with the new
// credentials.
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

// TestRenewedOpen: nothing good is known of a service that is called with other
// credentials, and nothing bad either.
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
		k := keep(quick, &Pause{Reason: reason, Message: "not now", Since: begin.Add(-time.Minute), Until: begin.Add(20 * time.Second)})
		k.mustBeClosed(t, reason, 20*time.Second)
		k.mustWait(t, "n/1", "n/2")
		k.pass(20*time.Second - 1)
		k.mustCallUp(t)
		k.pass(1)
		k.mustCallUp(t, "n/1")
		k.mustEnter(t, "n/1").end(unavailable)
		c := k.state(k.now).Pause // for as long again as the trouble has lasted, all in all
		if pause := c.Until.Sub(k.now); c.Since != begin.Add(-time.Minute) || pause < pauseMost/2 {
			t.Errorf("closed for %s since %s", pause, c.Since)
		}
	}
}

// TestUnprobed: if nobody wants to call, nothing is known after a while; but
// still it is a single call that finds out.
func TestUnprobed(t *testing.T) {
	k := keepProven(t, quick)
	k.mustEnter(t, "n/trouble").end(asking(throttled, time.Second))
	k.pass(time.Second + Unprobed - 1)
	k.mustBeClosed(t, logout.Throttled, 1-Unprobed)
	k.pass(1)
	k.mustBeOpen(t)
	k.mustEnter(t, "n/1").report(asking(throttled, time.Minute))
	k.mustWait(t, "n/2")
	k.mustBeClosed(t, logout.Throttled, time.Minute)
}

// TestProbeNotMade: another object is the probe then.
func TestProbeNotMade(t *testing.T) {
	k := closedBy(t, throttled)
	probing(t, k).release() // cancelled: without a report
	k.mustCallUp(t, "n/2")
	k.leave("n/3") // which waits: that changes nothing
	k.leave("n/unknown")
	k.mustCallUp(t)
	k.leave("n/2") // called up, but does not come
	k.mustCallUp(t, "n/4")
	k.mustEnter(t, "n/4").end(nil)
	k.mustBeOpen(t)
	if s := k.state(k.now); s.Waiting != 0 || s.Calls != 0 {
		t.Errorf("%+v", s)
	}
}

// TestSuspiciousProbe: of a probe, one failure that may be the object's is
// enough, however well the service did before; but not one for good.
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

// TestProbeNotStored: the outcome of a probe is known before it is stored, so
// its slot may be released while the next probe is under way. That does not
// make room for a third.
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

// TestProbeOvertaken: while a probe is under way, an earlier call brings that
// the service wants to be left alone for longer. The probe was made before that
// and neither opens the gate earlier nor lets a second one be made beside it.
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

// TestCalledUpWhenItCloses: it will be their turn again, in the same order.
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

// TestWaiting: somebody waits until he calls.
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
