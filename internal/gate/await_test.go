package gate_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logout-operator/logout-operator/internal/gate"
)

// TestNoBunches: calls come no closer than the limit has it, although what comes
// before them takes now one time and now another, and are no fewer for it.
func TestNoBunches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const objects, stall = 1000, 300 * time.Millisecond
		c := gather(t, 100)
		limit := gate.Limit{PerSecond: 100, Burst: 5}
		c.prove("p")
		var mu sync.Mutex
		var calls []time.Time
		began := time.Now()
		attempt := func(slot *gate.Slot) {
			<-time.After(time.Until(time.Now().Truncate(stall).Add(stall))) // claims are stored together
			if slot.Await(t.Context()) {
				mu.Lock()
				calls = append(calls, time.Now())
				mu.Unlock()
			}
			end(slot, nil)
		}
		for _, slot := range c.enterMany("p", limit, objects) {
			go attempt(slot)
		}
		made := func() int {
			mu.Lock()
			defer mu.Unlock()
			return len(calls)
		}
		for made() < objects {
			after(time.Millisecond)
			for _, key := range c.called() {
				go attempt(c.enterKey("p", limit, key))
			}
		}
		slices.SortFunc(calls, time.Time.Compare)
		for first, last := 0, 0; last < objects; last++ {
			for calls[last].Sub(calls[first]) >= time.Second {
				first++
			}
			if n := last - first + 1; n > 105 {
				t.Fatalf("%d calls in the second before %s", n, calls[last].Sub(began))
			}
		}
		if took := calls[objects-1].Sub(began); took > 11*time.Second {
			t.Errorf("took %s, want 10 s", took)
		}
	})
}

// TestAwait: trouble that becomes known after a slot was given keeps its call
// from being made, and so does a deadline.
func TestAwait(t *testing.T) {
	for name, test := range map[string]struct {
		during func(c *crowd, other *gate.Slot, stop func())
		want   bool
	}{
		"nothing":          {func(*crowd, *gate.Slot, func()) {}, true},
		"another succeeds": {func(_ *crowd, other *gate.Slot, _ func()) { end(other, nil) }, true},
		"another fails":    {func(_ *crowd, other *gate.Slot, _ func()) { end(other, throttled(time.Minute)) }, false},
		"other credentials": {func(c *crowd, _ *gate.Slot, _ func()) {
			c.Update(gate.Provider{Name: "p", Limit: slow, Client: credentials("second")})
		}, false},
		"time is up": {func(_ *crowd, _ *gate.Slot, stop func()) { stop() }, false},
	} {
		for _, waiting := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := gather(t, 100)
					c.prove("p")
					slots := c.enterMany("p", slow, 4)
					ctx, stop := context.WithCancel(t.Context())
					if !waiting {
						test.during(c, slots[0], stop)
					} else {
						for range 10 { // as many as were to come before it
							slots[1].Await(t.Context())
						}
						time.AfterFunc(time.Millisecond, func() { test.during(c, slots[0], stop) })
					}
					if got := slots[2].Await(ctx); got != test.want {
						t.Errorf("got %t, want %t", got, test.want)
					}
				})
			})
		}
	}
}
