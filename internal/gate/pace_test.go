package gate

import (
	"math"
	"strconv"
	"testing"
	"time"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9*max(a, b) }

func (k *keeper) mustRun(t *testing.T, perSecond float64) {
	t.Helper()
	if got := k.state(k.now).PerSecond; !near(got, perSecond) {
		t.Fatalf("at %s: %v calls a second, want %v", k.now.Sub(begin), got, perSecond)
	}
}

// reopen makes a probe succeed as soon as it may be made.
func (k *keeper) reopen(t *testing.T) {
	t.Helper()
	k.now = k.state(k.now).Pause.Until
	k.mustEnter(t, "n/probe").end(nil)
	k.mustBeOpen(t)
}

// TestSlowed checks that calls under way at the same time slow the pace once, because they met the same limit, and that
// a probe does not slow it.
func TestSlowed(t *testing.T) {
	k := keepProven(t, Limit{PerSecond: 100, Burst: 3})
	slots := []*slot{k.mustEnter(t, "n/a"), k.mustEnter(t, "n/b"), k.mustEnter(t, "n/c")}
	for _, s := range slots {
		s.end(asking(throttled, time.Second))
	}
	k.mustRun(t, 50)
	k.pass(time.Second)
	k.mustEnter(t, "n/probe").end(asking(throttled, time.Second))
	k.reopen(t)
	k.mustRun(t, 50)

	k.pass(time.Second) // the pace recovers
	k.mustEnter(t, "n/a").end(throttled)
	k.mustRun(t, 50*recovery*slowByMost)
	k.reopen(t)
	k.mustRun(t, 50*recovery*slowByMost)
}

// TestRecovers checks that the rate recovers over time, but not beyond the limit, and not in a pause.
func TestRecovers(t *testing.T) {
	k := keepProven(t, Limit{PerSecond: 100, Burst: 10})
	k.mustEnter(t, "n/a").end(asking(throttled, 2*time.Minute))
	k.pass(time.Minute)
	k.mustRun(t, 50)
	k.reopen(t)
	for s := range 36 {
		k.mustRun(t, 50*math.Pow(recovery, float64(s)))
		k.pass(time.Second)
	}
	for range 10 {
		k.pass(time.Second)
		k.mustRun(t, 100)
	}
	k.pass(10 * 365 * 24 * time.Hour) // no number overflows
	k.mustRun(t, 100)
}

// TestRecoveredForGood checks that another kind of failure does not bring back an earlier slowed rate.
func TestRecoveredForGood(t *testing.T) {
	k := keepProven(t, Limit{PerSecond: 100, Burst: 10})
	k.mustEnter(t, "n/a").end(throttled)
	k.reopen(t)
	k.pass(10 * time.Second)
	k.mustRun(t, 50*math.Pow(recovery, 10))
	k.mustEnter(t, "n/a").end(unavailable)
	k.reopen(t)
	k.mustRun(t, 50*math.Pow(recovery, 10))
	k.pass(24 * time.Hour)
	k.mustRun(t, 100)
	k.mustEnter(t, "n/a").end(unavailable)
	k.reopen(t)
	k.mustRun(t, 100)
}

func TestSlowest(t *testing.T) {
	k := keepProven(t, Limit{PerSecond: 1, Burst: 1})
	for range 30 {
		k.mustEnter(t, "n/a").end(throttled)
		k.pass(10 * time.Second)
		k.mustEnter(t, "n/probe").end(nil)
		k.pass(10 * time.Second) // long enough for at least one slot
	}
	k.mustEnter(t, "n/a").end(throttled)
	k.mustRun(t, slowest)
}

// TestNoBurst checks that slots come at the provider's rate after a pause, although none was given for a long time.
func TestNoBurst(t *testing.T) {
	k := keepProven(t, Limit{PerSecond: 10, Burst: 5})
	k.mustEnter(t, "n/a").end(asking(unavailable, 5*time.Minute))
	for i := range 100 {
		k.mustWait(t, "n/"+strconv.Itoa(i))
	}
	k.pass(5 * time.Minute)
	k.mustCallUp(t, "n/0")
	k.pass(time.Minute) // the answer is slow
	k.mustEnter(t, "n/0").end(nil)
	k.mustCallUp(t)
	for i := range 20 {
		k.pass(100*time.Millisecond - 1)
		k.mustCallUp(t)
		k.pass(1)
		k.mustCallUp(t, "n/"+strconv.Itoa(i+1))
	}
}

// TestNobodyOvertakes checks that an object that comes when a slot has just become free waits behind the object that
// the slot is for.
func TestNobodyOvertakes(t *testing.T) {
	k := keepProven(t, Limit{PerSecond: 10, Burst: 1})
	k.mustEnter(t, "n/0")
	k.mustWait(t, "n/1", "n/2")
	k.pass(time.Second)
	k.mustWait(t, "n/3", "n/2")
	k.mustCallUp(t, "n/1")
	k.mustEnter(t, "n/1")
}

// TestLimitChanges checks that a limit holds as soon as it is known, and that slots saved up under another limit are
// not more than it allows.
func TestLimitChanges(t *testing.T) {
	for _, test := range []struct {
		name          string
		before, after Limit
		atOnce, later int // slots at once, and within 10 s more
	}{
		{"the same", Limit{10, 5}, Limit{10, 5}, 5, 100},
		{"faster", Limit{10, 5}, Limit{20, 5}, 5, 200},
		{"slower", Limit{10, 5}, Limit{1, 5}, 5, 10},
		{"smaller burst", Limit{10, 5}, Limit{10, 2}, 2, 100},
		{"greater burst", Limit{10, 5}, Limit{10, 50}, 5, 100},
	} {
		k := keepProven(t, test.before)
		k.pace.set(test.after, k.now)
		atOnce, later := 0, 0
		for i := range 1000 {
			if k.enter(object("n/"+strconv.Itoa(i))) != nil {
				atOnce++
			}
		}
		for range 10000 {
			k.pass(time.Millisecond)
			later += len(k.callUp())
		}
		if atOnce != test.atOnce || later != test.later {
			t.Errorf("%s: %d slots and %d later, want %d and %d", test.name, atOnce, later, test.atOnce, test.later)
		}
	}
}
