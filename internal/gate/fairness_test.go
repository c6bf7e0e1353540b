package gate_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// The tests in this file repeat cases in which a tenant or a service has delayed the logouts of others.

// TestBothEndsAreProbed checks that, however many namespaces are paused, the newest and the oldest object of each one
// are probed alternately.
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
					for i := range 200 { // other objects are answered all the time, so it is not the service's fault
						all = append(all, crowdOf("fine", fmt.Sprint("fine", i), 1, time.Duration(i)*5*time.Second,
							nil)...)
					}
					w.run(ctx, append(all, good...))
					within(t, time.Minute+time.Duration(n)*15*time.Second, good)
				})
			})
		}
	}
}

// TestClosedForAMoment checks that bad objects do not prolong a short pause that the service has certainly caused:
// neither for their own namespace if it is the only one that calls, nor for another one beside many, nor after a
// restart, when only the pause is known.
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
					for i := range n { // most of them come after the good object
						all = append(all, crowdOf(fmt.Sprint("bad", i), "bad", 20,
							time.Duration(min(i, 1))*11*time.Second, &kind)...)
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
					Reason: logout.ServiceFailure, Message: "oops", Since: time.Now().Add(-10 * time.Second),
					Until: time.Now()}},
					gate.Applicant{Object: types.NamespacedName{Namespace: "n", Name: "first"}})
				end(slot, &kind.Error)
				good := crowdOf("n", "good", 4, 20*time.Second, nil)
				w.run(ctx, append(crowdOf("n", "bad", 300, 0, &kind), good...))
				within(t, 10*time.Second+time.Minute+5*kind.took, good)
			})
		})
	}
}

// TestPauseOfAllIsNotThatOfOne checks that objects that have waited long for their turn do not get a pause reported
// that began before all calls were paused. An object that waits in a pause for longer than activeDeadlineSeconds is
// given up.
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
		for i := range 2 { // no call was answered since the first
			fail(fmt.Sprint("another", i), "first")
		}
		_, wait := c.Enter(gate.Settings{Name: "p", Limit: fast, Client: c.with},
			gate.Applicant{Object: named("waits")})
		if wait.Pause == nil || wait.NamespaceOnly || wait.Pause.Since.Before(began) {
			t.Errorf("%+v, paused since %+v", wait, wait.Pause)
		}
		if closed := c.States()["p"].Pause; closed == nil || closed.Since.Before(began) {
			t.Errorf("the status says %+v", closed)
		}
	})
}

// TestThrottledUsersOfTwoNamespaces checks that 429s for a few users, even in several namespaces, neither stop nor slow
// other calls for long. That holds even if nobody else has called for a minute, so that everybody seemed to be
// throttled.
func TestThrottledUsersOfTwoNamespaces(t *testing.T) {
	kind := failing{logout.Error{Reason: logout.Throttled, ProviderWide: true, Message: "slow down"},
		10 * time.Millisecond}
	for _, each := range []int{3, 10, 50} {
		for _, namespaces := range []int{1, 3, 10} {
			for _, comes := range []time.Duration{0, 70 * time.Second} {
				t.Run(fmt.Sprint(each, " in each of two, ", namespaces, " good ones after ",
					comes), func(t *testing.T) {
					inWorld(t, slow, func(ctx context.Context, w *world) {
						var good []*thing
						for i := range 600 { // they take a minute alone
							good = append(good, crowdOf(fmt.Sprint("good", i%namespaces), fmt.Sprint("good", i), 1,
								comes, nil)...)
						}
						all := append(crowdOf("bad0", "bad", each, 0, &kind), crowdOf("bad1", "bad", each, 0, &kind)...)
						w.run(ctx, append(all, good...))
						// The lower rate that was found first rises again by 2 % a second.
						within(t, 8*time.Minute, good)
					})
				})
			}
		}
	}
}

// TestLowerLimit checks that calls that wait for their turn under an earlier limit leave no debt under a lower one.
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
		for _, slot := range slots { // the claims of all of them are stored at once
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
