package gate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/internal/gate"
)

// TestFirstCallIsAlone: of a service of which nothing is known yet, one call
// finds out whether it works, however many could be made.
func TestFirstCallIsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 50)
		first := c.enterMany("p", fast, 20)
		after(time.Minute)
		if len(first) != 1 || len(c.called()) != 0 {
			t.Fatalf("%d calls at once", len(first))
		}
		end(first[0], nil)
		after(time.Second)
		if called := c.called(); len(called) != 19 {
			t.Errorf("%d called up once the service is known to work", len(called))
		}
	})
}

// TestHangingServices: one service that never answers gets all the calls that
// one may have, and others still have room; so has the next one, and in no case
// are there more calls than that of two.
func TestHangingServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls = 16
		c := gather(t, calls)
		c.prove("a", "b", "c", "d", "e", "f", "g")
		hanging := c.enterMany("a", fast, 100)
		if len(hanging) != calls {
			t.Errorf("%d calls of the first, want %d", len(hanging), calls)
		}
		total := len(hanging)
		for _, test := range []struct {
			provider string
			want     int
		}{{"b", calls / 2}, {"c", calls / 4}, {"d", calls / 8}, {"e", calls / 16}, {"f", 1}, {"g", 0}} {
			got := len(c.enterMany(test.provider, fast, 100))
			if total += got; got != test.want || total > 2*calls {
				t.Errorf("%d calls of %s, want %d; %d in all", got, test.provider, test.want, total)
			}
		}
		after(time.Minute)
		if called := c.called(); len(called) != 0 {
			t.Errorf("%d called up although there is no room", len(called))
		}
		for _, slot := range hanging { // as the calls of one end, others get room
			end(slot, nil)
		}
		after(time.Second)
		called := c.called()
		if !slices.ContainsFunc(called, func(key types.NamespacedName) bool { return key.Name == "g0" }) {
			t.Errorf("%v called up, but not those that had no room", called)
		}
		if total += len(called) - calls; total > 2*calls {
			t.Errorf("%d calls in all", total)
		}
	})
}

// TestRoomIsShared: a service that had it all makes room for another that comes
// later.
func TestRoomIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 10)
		slots := map[string][]*gate.Slot{"a": c.enterMany("a", fast, 1000), "b": c.enterMany("b", fast, 1000)}
		for range 100 {
			for _, provider := range []string{"a", "b"} {
				end(slots[provider][0], nil)
				slots[provider] = slots[provider][1:]
				after(time.Second)
				for _, key := range c.called() {
					provider := key.Name[:1]
					slots[provider] = append(slots[provider], c.enterKey(provider, fast, key))
				}
			}
		}
		if a, b := len(slots["a"]), len(slots["b"]); a != b || a < 6 {
			t.Errorf("%d and %d calls", a, b)
		}
	})
}

// TestForget: those that wait for a provider that is gone are called up no
// more, and its room is for others at once.
func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 1)
		gone := c.enterMany("gone", fast, 2)
		c.enter("b", fast, "b0")
		c.enter("c", fast, "c0") // for which there is no room
		if called := c.called(); len(called) != 0 {
			t.Errorf("%v called up", called)
		}
		c.Forget("gone")
		if called := c.called(); !slices.Equal(called, []types.NamespacedName{named("c0")}) {
			t.Errorf("%v called up when there was room", called)
		}
		end(gone[0], throttled(time.Second)) // of which nobody wants to know
		after(time.Hour)
		if called := c.called(); len(called) != 0 {
			t.Errorf("%v called up", called)
		}
		if _, ok := c.States()["gone"]; ok {
			t.Error("its gate is still there")
		}
	})
}

// TestForgottenAreLookedAt: who waited at a gate that is forgotten is looked at, some at a time: a provider of its
// name may have been created anew before they came.
func TestForgottenAreLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 1)
		const waiting = 2500
		c.enterMany("p", fast, waiting)
		c.Forget("p")
		var looked []types.NamespacedName
		for range 5 {
			now := c.looks()
			if len(now) > 1000 {
				t.Errorf("%d looked at in a second", len(now))
			}
			looked = append(looked, now...)
			after(time.Second)
		}
		slices.SortFunc(looked, func(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) })
		if looked = slices.Compact(looked); len(looked) != waiting-1 { // all but the one that calls
			t.Errorf("%d looked at, want %d", len(looked), waiting-1)
		}
	})
}

// TestMoved: an object that was deleted and created again for another provider
// has no place at the first one any more, least of all that of its probe.
func TestMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 10)
		end(c.enter("p", fast, "trouble"), throttled(time.Second))
		c.enter("p", fast, 1)
		c.enter("p", fast, 2)
		end(c.enter("q", fast, 1), nil)
		after(time.Second)
		for _, key := range c.called() {
			if key == named(1) {
				end(c.enterKey("q", fast, key), nil)
			}
		}
		after(time.Hour)
		if state := c.States()["p"]; state.Waiting != 1 {
			t.Errorf("%d wait", state.Waiting)
		}
		if c.enter("p", fast, 2) == nil {
			t.Error("its place keeps the others out")
		}
	})
}

// TestRoomForFew: a namespace with few calls under way finds a place although
// those of another, which hang, have taken all; but not one of its own that has.
func TestRoomForFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls = 10
		c := gather(t, calls)
		c.prove("p")
		if hanging := len(c.enterMany("p", fast, 100)); hanging != calls {
			t.Fatalf("%d calls hang, want %d", hanging, calls)
		}
		got := 0
		for i := range 10 {
			if c.enterKey("p", fast, types.NamespacedName{Namespace: "other", Name: fmt.Sprint(i)}) != nil {
				got++
			}
		}
		after(time.Second)
		for _, key := range c.called() {
			if key.Namespace != "other" {
				t.Errorf("%s called up although its namespace has taken all places", key)
			}
			got++
		}
		if got < 1 || got > 4 { // a fifth of the places of all providers
			t.Errorf("%d more calls, want 1 to 4", got)
		}
	})
}
