package gate_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// The tests in this file are what tenants and services have done to others' logouts.

// inWorld runs a test in virtual time, at a service that is known to work.
func inWorld(t *testing.T, limit gate.Limit, test func(ctx context.Context, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Hour)
		defer cancel()
		w := newWorld(ctx, limit)
		w.run(ctx, crowdOf("proof", "p", 1, 0, nil))
		test(ctx, w)
	})
}

// within fails the test if a good object was not logged out, or took longer.
func within(t *testing.T, most time.Duration, good []*thing) {
	t.Helper()
	worst := slices.MaxFunc(good, func(a, b *thing) int { return cmp.Compare(a.done, b.done) })
	undone := slices.ContainsFunc(good, func(o *thing) bool { return o.done == 0 })
	if undone || worst.done > most {
		t.Errorf("the last, %s, after %s, want %s; all done: %t", worst.key, worst.done, most, !undone)
	}
}

// blip closes the gate of a world for a moment.
func (w *world) blip() {
	slot, _ := w.gates.Enter(gate.Settings{Name: "p", Limit: w.limit, Client: client{}}, gate.Applicant{Object: named("blip")})
	end(slot, &logout.Error{Reason: logout.ServiceUnavailable, ProviderWide: true})
}

// TestBothEndsAreProbed: however many namespaces are paused, of each the newest object and the oldest are probed in turn.
func TestBothEndsAreProbed(t *testing.T) {
	for name, kind := range kinds {
		for n := 1; n <= 4; n++ {
			t.Run(fmt.Sprint(name, " ", n), func(t *testing.T) {
				inWorld(t, slow, func(ctx context.Context, w *world) {
					var all, good []*thing
					for i := range n {
						namespace := fmt.Sprint("bad", i)
						all = append(all, crowdOf(namespace, "bad", 1000, time.Duration(i)*time.Second, &kind)...)
						good = append(good, crowdOf(namespace, "good", 1, 5*time.Minute, nil)...)
					}
					for i := range 200 { // others are answered all the time, so it is not the service
						all = append(all, crowdOf("fine", fmt.Sprint("fine", i), 1, time.Duration(i)*5*time.Second, nil)...)
					}
					w.run(ctx, append(all, good...))
					within(t, time.Minute+time.Duration(n)*15*time.Second, good)
				})
			})
		}
	}
}

// TestClosedForAMoment: what fails by itself does not keep a gate closed that certain trouble has closed, neither for its
// own namespace, the only one that calls, nor for another beside many; nor after a restart, which only knows that calls
// were paused.
func TestClosedForAMoment(t *testing.T) {
	for name, kind := range kinds {
		for _, bad := range []int{10, 100, 1000} {
			t.Run(fmt.Sprint(name, " one namespace ", bad), func(t *testing.T) {
				inWorld(t, slow, func(ctx context.Context, w *world) {
					w.blip()
					good := crowdOf("n", "good", 4, 20*time.Second, nil)
					w.run(ctx, append(crowdOf("n", "bad", bad, 0, &kind), good...))
					turn := max(0, time.Duration(bad)*100*time.Millisecond-20*time.Second)
					within(t, turn+time.Minute+5*kind.took, good)
				})
			})
		}
		for _, n := range []int{1, 10, 30} {
			t.Run(fmt.Sprint(name, " many namespaces ", n), func(t *testing.T) {
				inWorld(t, slow, func(ctx context.Context, w *world) {
					w.blip()
					good := crowdOf("good", "good", 1, 10*time.Second, nil)
					all := good
					for i := range n { // most of them come later than the good one
						all = append(all, crowdOf(fmt.Sprint("bad", i), "bad", 20, time.Duration(min(i, 1))*11*time.Second, &kind)...)
					}
					w.run(ctx, all)
					within(t, 25*time.Second+time.Duration(n-1)*7500*time.Millisecond, good)
				})
			})
		}
		t.Run(name+" restarted", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 6*time.Hour)
				defer cancel()
				w := newWorld(ctx, slow)
				slot, _ := w.gates.Enter(gate.Settings{Name: "p", Limit: slow, Client: client{}, Restored: &gate.Pause{
					Reason: logout.ServiceFailure, Message: "oops", Since: time.Now().Add(-10 * time.Second), Until: time.Now()}},
					gate.Applicant{Object: types.NamespacedName{Namespace: "n", Name: "first"}})
				end(slot, &kind.Error)
				good := crowdOf("n", "good", 4, 20*time.Second, nil)
				w.run(ctx, append(crowdOf("n", "bad", 300, 0, &kind), good...))
				within(t, 10*time.Second+time.Minute+5*kind.took, good)
			})
		})
	}
}

// TestPauseOfAllIsNotThatOfOne: objects that have waited for their turn for long are not told of a pause that began before
// all calls were paused; whoever waits for longer than activeDeadlineSeconds in a pause is given up.
func TestPauseOfAllIsNotThatOfOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 100)
		c.prove("p")
		failure := kinds["500"].Error
		fail := func(namespace string, name any) {
			key := types.NamespacedName{Namespace: namespace, Name: fmt.Sprint(name)}
			slot := c.enterKey("p", fast, key)
			if slot == nil {
				t.Fatalf("no slot for %s", key)
			}
			end(slot, &failure)
		}
		for i := range 3 {
			fail("paused for long", i)
		}
		after(2 * time.Hour)
		began := time.Now()
		for i := range 2 { // nobody was answered since the first
			fail(fmt.Sprint("another", i), "first")
		}
		_, wait := c.Enter(gate.Settings{Name: "p", Limit: fast, Client: c.with}, gate.Applicant{Object: named("waits")})
		if wait.Pause == nil || wait.Own || wait.Pause.Since.Before(began) {
			t.Errorf("%+v, paused since %+v", wait, wait.Pause)
		}
		if closed := c.States()["p"].Pause; closed == nil || closed.Since.Before(began) {
			t.Errorf("the status says %+v", closed)
		}
	})
}

// TestThrottledUsersOfTwoNamespaces: 429s for a few users, be they of several namespaces, neither stop nor slow the others
// for long; not even if for a minute nobody else has called, so that they seemed to be for all.
func TestThrottledUsersOfTwoNamespaces(t *testing.T) {
	kind := failing{logout.Error{Reason: logout.Throttled, ProviderWide: true, Message: "slow down"}, 10 * time.Millisecond}
	for _, each := range []int{3, 10, 50} {
		for _, namespaces := range []int{1, 3, 10} {
			for _, comes := range []time.Duration{0, 70 * time.Second} {
				t.Run(fmt.Sprint(each, " in each of two, ", namespaces, " good ones after ", comes), func(t *testing.T) {
					inWorld(t, slow, func(ctx context.Context, w *world) {
						var good []*thing
						for i := range 600 { // a minute alone
							good = append(good, crowdOf(fmt.Sprint("good", i%namespaces), fmt.Sprint("good", i), 1, comes, nil)...)
						}
						all := append(crowdOf("bad0", "bad", each, 0, &kind), crowdOf("bad1", "bad", each, 0, &kind)...)
						w.run(ctx, append(all, good...))
						// The rate that was found at first is left behind by 2 % a second.
						within(t, 8*time.Minute, good)
					})
				})
			}
		}
	}
}

// TestLowerLimit: calls that wait for their turn by an earlier limit are not owed by a lower one.
func TestLowerLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 3000)
		c.prove("p")
		slots := c.enterMany("p", gate.Limit{PerSecond: 1000, Burst: 1}, 1000)
		for range 9 {
			after(100 * time.Millisecond)
			for _, key := range c.called() {
				slots = append(slots, c.enterKey("p", gate.Limit{PerSecond: 1000, Burst: 1}, key))
			}
		}
		for _, slot := range slots { // the claims of all of these are stored at once
			go func() {
				slot.Await(t.Context())
				end(slot, nil)
			}()
		}
		synctest.Wait()
		c.Update(gate.Settings{Name: "p", Limit: gate.Limit{PerSecond: 1, Burst: 1}, Client: c.with})
		after(5 * time.Second)
		if len(slots) < 500 || len(c.called()) == 0 {
			t.Errorf("nobody is called up, at one a second, after %d calls", len(slots))
		}
	})
}
