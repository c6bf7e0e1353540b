package gate_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/logout"
)

var unauthorized = &logout.Error{Reason: logout.Unauthorized, ProviderWide: true, Message: "who are you?"}

// TestCalledUpAtTheRate checks that each object is called up once, when it has its slot.
func TestCalledUpAtTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 1000)
		c.prove("p")
		if got := len(c.enterMany("p", slow, 505)); got != slow.Burst {
			t.Errorf("%d slots at once, want %d", got, slow.Burst)
		}
		seen := map[types.NamespacedName]bool{}
		for range 50 {
			after(time.Second)
			called := c.called()
			for _, key := range called {
				if seen[key] || c.enterKey("p", slow, key) == nil {
					t.Errorf("%s called up in vain", key)
				}
				seen[key] = true
			}
			if len(called) != 10 {
				t.Errorf("%d called up in a second", len(called))
			}
		}
		after(time.Hour)
		if called := c.called(); len(seen) != 500 || len(called) != 0 {
			t.Errorf("%d and %d called up, want 500", len(seen), len(called))
		}
	})
}

// TestNobodyIsCalledUpInAPause checks that ten thousand objects that wait in a pause cost nothing, and one call after
// it.
func TestNobodyIsCalledUpInAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 50)
		end(c.enter("p", fast, "trouble"), throttled(time.Minute))
		if got := len(c.enterMany("p", fast, 10_000)); got != 0 {
			t.Errorf("%d slots of a closed gate", got)
		}
		until := c.States()["p"].Pause.Until
		if pause := time.Until(until); pause != time.Minute {
			t.Errorf("closed for %s", pause)
		}
		after(time.Minute - time.Nanosecond)
		if called := c.called(); len(called) != 0 {
			t.Errorf("%d called up in the pause", len(called))
		}
		after(time.Nanosecond)
		called := c.called()
		if len(called) != 1 || called[0].Name != "p0" {
			t.Fatalf("%v called up as probes", called)
		}
		probe := c.enterKey("p", fast, called[0])
		after(time.Minute)
		if called := c.called(); len(called) != 0 {
			t.Errorf("%d called up beside the probe", len(called))
		}
		end(probe, nil)
		after(time.Second)
		if called := c.called(); len(called) != 50 {
			t.Errorf("%d called up when it was open, want as many as there is room for", len(called))
		}
	})
}

// TestProbeOfTheNext checks that, after a failed probe, another object is the next probe.
func TestProbeOfTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 50)
		end(c.enter("p", fast, "trouble"), throttled(time.Second))
		c.enterMany("p", fast, 100)
		for i := range 100 {
			after(time.Second)
			called := c.called()
			if len(called) != 1 || called[0] != named(fmt.Sprint("p", i)) {
				t.Fatalf("%v called up as probe %d", called, i)
			}
			end(c.enterKey("p", fast, called[0]), throttled(time.Second))
		}
	})
}

// TestRenewedClient checks that the probe is made at once, without a new object.
func TestRenewedClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 50)
		end(c.enter("p", fast, "trouble"), unauthorized)
		c.enterMany("p", fast, 100)
		after(time.Second)
		if state := c.Update(gate.Settings{Name: "p", Limit: fast, Client: c.with}); state.Pause == nil ||
			len(c.called()) != 0 {
			t.Errorf("the same client: %+v", state)
		}
		c.with = "second"
		if state := c.Update(gate.Settings{Name: "p", Limit: fast, Client: c.with}); state.Pause != nil ||
			state.Waiting != 100 {
			t.Errorf("another client: %+v", state)
		}
		if called := c.called(); len(called) != 1 {
			t.Errorf("%d called up, want one", len(called))
		}
	})
}

// TestRaisedLimit checks that waiting objects profit from a higher limit without asking again.
func TestRaisedLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 50)
		c.prove("p")
		c.enterMany("p", gate.Limit{PerSecond: .01, Burst: 1}, 10)
		c.Update(gate.Settings{Name: "p", Limit: gate.Limit{PerSecond: 10, Burst: 1}, Client: c.with})
		after(time.Second)
		if called := c.called(); len(called) != 9 {
			t.Errorf("%d called up", len(called))
		}
	})
}

// TestChanges checks that a gate is reported when its state changes, and not otherwise.
func TestChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 50)
		told := func(when string, want ...string) {
			t.Helper()
			if got := c.changes(); !slices.Equal(got, want) {
				t.Errorf("%s: told of %q, want %q", when, got, want)
			}
		}
		slot := c.enter("p", fast, "trouble")
		end(c.enter("q", fast, "fine"), nil)
		told("calls are made")
		slot.Report(throttled(time.Minute))
		told("closed", "p")
		slot.Release()
		told("released")
		c.enter("p", fast, 1)
		told("one waits", "p")
		c.enter("p", fast, 2)
		told("another one waits")
		after(time.Minute)
		probe := c.enterKey("p", fast, c.called()[0])
		told("a probe is made")
		end(probe, throttled(time.Minute))
		told("closed for longer", "p")
		after(time.Minute)
		c.Leave(c.called()[0])
		c.changes() // no object waits any more
		after(time.Hour)
		told("nothing happens")
		end(c.enter("p", fast, 3), nil)
		told("open", "p")
		after(time.Second)
		end(c.enter("p", fast, 4), nil)
		told("it works")
	})
}

func TestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 1)
		slot := c.enter("p", fast, 0)
		for i := range 4 {
			c.enter("p", fast, i+1)
		}
		c.Leave(named(1)) // it is in the queue
		c.Leave(named(3))
		c.Leave(named("unknown"))
		end(slot, nil)
		if called := c.called(); !slices.Equal(called, []types.NamespacedName{named(2)}) {
			t.Errorf("%v called up", called)
		}
		c.Leave(named(2)) // it is called up
		if called := c.called(); !slices.Equal(called, []types.NamespacedName{named(4)}) {
			t.Errorf("%v called up", called)
		}
		c.Leave(named(4))
		if state := c.States()["p"]; state.Waiting != 0 || state.Calls != 0 {
			t.Errorf("%+v", state)
		}
		if c.enter("p", fast, 5) == nil {
			t.Error("no slot although nobody waits or calls")
		}
	})
}

// TestRestoredOnce checks that the pause that an earlier process left is used only until the gate is in use itself.
func TestRestoredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 10)
		p := gate.Settings{Name: "p", Limit: fast, Client: c.with,
			Restored: &gate.Pause{Reason: logout.Throttled, Until: time.Now().Add(time.Minute)}}
		if state := c.Update(p); state.Pause == nil || time.Until(state.Pause.Until) != time.Minute {
			t.Errorf("restored: %+v", state)
		}
		slot, wait := c.Enter(p, gate.Applicant{Object: named(1)})
		if slot != nil || wait.Pause == nil || time.Until(wait.Pause.Until) != time.Minute || wait.NamespaceOnly {
			t.Errorf("slot %v, wait %+v", slot, wait)
		}
		after(time.Minute)
		probe := c.called()
		c.Update(p) // while the object is called up and has not come
		if after(time.Minute); len(probe) != 1 || len(c.called()) != 0 {
			t.Errorf("%v called up, and more", probe)
		}
		slot, _ = c.Enter(p, gate.Applicant{Object: probe[0]})
		end(slot, nil)
		if state := c.Update(p); state.Pause != nil {
			t.Errorf("closed again: %+v", state)
		}
	})
}

// TestRestoredLongAgo checks that a pause that ended long ago is not taken over: nobody may be told, or given up, as if
// calls had been paused ever since.
func TestRestoredLongAgo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, ended := gather(t, 10), time.Now().Add(-gate.PauseExpiry-time.Second)
		restored := &gate.Pause{Reason: logout.ServiceUnavailable, Since: ended.Add(-time.Hour), Until: ended}
		p := gate.Settings{Name: "p", Limit: fast, Client: c.with, Restored: restored}
		if state := c.Update(p); state.Pause != nil {
			t.Errorf("restored: %+v", state.Pause)
		}
		for i := range 2 { // the first call is alone until it is answered
			if _, wait := c.Enter(p, gate.Applicant{Object: named(i)}); wait.Pause != nil {
				t.Errorf("object %d is told of a pause: %+v", i, wait.Pause)
			}
		}
	})
}

// TestRestoredByAClockAhead checks that a pause written by a clock that is an hour ahead begins now, and lasts no
// longer than a service may ask for.
func TestRestoredByAClockAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, ahead := gather(t, 10), time.Now().Add(time.Hour)
		restored := &gate.Pause{Reason: logout.Throttled, Since: ahead, Until: ahead.Add(15 * time.Second)}
		closed := c.Update(gate.Settings{Name: "p", Limit: fast, Client: c.with, Restored: restored}).Pause
		if closed == nil || time.Until(closed.Since) != 0 || time.Until(closed.Until) != logout.MaxRetryAfter {
			t.Errorf("restored: %+v", closed)
		}
	})
}

// TestTold checks that telling objects that they wait takes no more than a share of the writes, however many objects
// wait, and that an object does not change its turn to be told by asking again.
func TestTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 10)
		end(c.enter("p", fast, "trouble"), throttled(time.Hour))
		ask := func(name any) gate.Wait {
			slot, wait := c.Enter(gate.Settings{Name: "p", Limit: fast, Client: c.with},
				gate.Applicant{Object: named(name)})
			if slot != nil {
				t.Fatal("it does not wait")
			}
			return wait
		}
		for i := range 120 {
			ask(i)
		}
		after(9 * time.Second)
		if ask(0).ShowQueued || len(c.looks()) != 0 {
			t.Error("told at once")
		}
		ask("late")
		c.Leave(named(7))
		seen := map[types.NamespacedName]bool{}
		for _, want := range []int{50, 50, 19, 0} {
			after(2 * time.Second)
			looks := c.looks()
			for _, key := range looks {
				if seen[key] = true; !ask(key.Name).ShowQueued || key == named("late") {
					t.Errorf("%s is looked at, but not to be told", key)
				}
			}
			if len(looks) > 2*want || len(seen) > 119 {
				t.Errorf("%d are to be told, %d in all", len(looks), len(seen))
			}
		}
		if len(seen) != 119 || seen[named(7)] {
			t.Errorf("%d were told", len(seen))
		}
		after(10 * time.Second)
		if looks := c.looks(); len(looks) != 1 || looks[0] != named("late") {
			t.Errorf("%v are to be told", looks)
		}
	})
}

// TestExpired checks that a waiting object is looked at when it expires, and when a pause has lasted for its GiveUp. At
// a service that works, it waits for its turn for as long as that takes.
func TestExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 10)
		p := gate.Settings{Name: "p", Limit: gate.Limit{PerSecond: 1e-3, Burst: 1}, Client: c.with}
		c.prove("p")
		slot, _ := c.Enter(p, gate.Applicant{Object: named("first")})
		if slot == nil {
			t.Fatal("no slot at an open gate")
		}
		began := time.Now()
		c.Enter(p, gate.Applicant{Object: named("patient")})
		c.Enter(p, gate.Applicant{Object: named("expires"), Expires: began.Add(time.Minute)})
		c.Enter(p, gate.Applicant{Object: named("gives up"), GiveUp: time.Minute})
		after(11 * time.Second)
		c.looks() // those that are told
		after(48 * time.Second)
		if looks := c.looks(); len(looks) != 0 {
			t.Errorf("%v before its time", looks)
		}
		after(2 * time.Second)
		if looks := c.looks(); !slices.Equal(looks, []types.NamespacedName{named("expires")}) {
			t.Errorf("%v after a minute", looks)
		}
		c.Leave(named("expires"))
		after(10 * time.Minute)
		if looks := c.looks(); len(looks) != 0 {
			t.Errorf("%v gave up at a service that works", looks)
		}
		end(slot, throttled(time.Hour)) // no other call was made for a minute
		after(59 * time.Second)
		if looks := c.looks(); len(looks) != 0 {
			t.Errorf("%v gave up too early", looks)
		}
		after(3 * time.Second)
		if looks := c.looks(); !slices.Equal(looks, []types.NamespacedName{named("gives up")}) {
			t.Errorf("%v gave up", looks)
		}
	})
}

// TestStandingIsTakenOver checks that an object whose last call has an unknown outcome does not stay in the backlog,
// even if its claim was seen late.
func TestStandingIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 1)
		p := gate.Settings{Name: "p", Limit: fast, Client: c.with}
		slot := c.enter("p", fast, "first")
		a := gate.Applicant{Created: time.Now().Add(-time.Minute)}
		for i := range 100 {
			a.Object = named(i)
			c.Enter(p, a)
		}
		a.Unknown = true
		c.Enter(p, a)
		end(slot, nil)
		if called := c.called(); !slices.Equal(called, []types.NamespacedName{named(99)}) {
			t.Errorf("%v called up", called)
		}
	})
}

// TestNewObjectsFirst checks that new objects do not wait for the backlog of a restart.
func TestNewObjectsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 1)
		p := gate.Settings{Name: "p", Limit: fast, Client: c.with}
		after(time.Second / 2) // the API server stores whole seconds only
		began := time.Now().Truncate(time.Second)
		slot := c.enter("p", fast, "first")
		for i := range 100 {
			c.Enter(p, gate.Applicant{Object: named(i), Created: began.Add(-time.Second)})
		}
		c.Enter(p, gate.Applicant{Object: named("retry"), Created: began, Failed: true})
		c.Enter(p, gate.Applicant{Object: named("unknown"), Created: began.Add(-time.Second), Unknown: true})
		c.Enter(p, gate.Applicant{Object: named("new"), Created: began})
		for _, want := range []any{"unknown", "retry", 0, "new", 1} {
			end(slot, nil)
			called := c.called()
			if len(called) != 1 || called[0] != named(want) {
				t.Fatalf("%v called up, want %v", called, want)
			}
			slot = c.enterKey("p", fast, called[0])
		}
	})
}
