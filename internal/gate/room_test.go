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

// TestFirstCallIsAlone checks that, while nothing is known of a service, one call finds out whether it works, however
// many could be made.
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

// TestHangingServices checks that one service that never answers gets all the calls that one provider may have, and
// that others still have room. The same holds for the next such service, and there are never more calls than two
// providers may have.
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
		for _, slot := range hanging { // the end of one provider's calls makes room for others
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

// TestRoomIsShared checks that a service that had all the room makes some for another that comes later.
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

// TestForget checks that objects that wait for a deleted provider get no slot any more, and that its room is free for
// others at once.
func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 1)
		gone := c.enterMany("gone", fast, 2)
		c.enter("b", fast, "b0")
		c.enter("c", fast, "c0") // there is no room for it
		if called := c.called(); len(called) != 0 {
			t.Errorf("%v called up", called)
		}
		c.Forget("gone")
		if called := c.called(); !slices.Equal(called, []types.NamespacedName{named("c0")}) {
			t.Errorf("%v called up when there was room", called)
		}
		end(gone[0], throttled(time.Second)) // nobody uses this result
		after(time.Hour)
		if called := c.called(); len(called) != 0 {
			t.Errorf("%v called up", called)
		}
		if _, ok := c.States()["gone"]; ok {
			t.Error("its gate is still there")
		}
	})
}

// TestForgottenAreLookedAt checks that objects that waited at a forgotten gate are looked at, some at a time, because a
// provider of the same name may have been created again meanwhile.
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
		if looked = slices.Compact(looked); len(looked) != waiting-1 { // all except the one that calls
			t.Errorf("%d looked at, want %d", len(looked), waiting-1)
		}
	})
}

// TestMoved checks that an object that was deleted and created again for another provider has no place at the first
// provider's gate any more, and above all not as its probe.
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

// TestRoomForFew checks that a namespace with few calls under way gets a place although hanging calls of another
// namespace have taken all, and that the other namespace gets none.
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
		if got < 1 || got > 4 { // bounded by a fifth of the places of all providers
			t.Errorf("%d more calls, want 1 to 4", got)
		}
	})
}
