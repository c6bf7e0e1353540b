package gate_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/internal/gate"
)

// rush holds objects that are attempted, in virtual time, as they get their slots.
type rush struct {
	*crowd
	limit gate.Limit
	stall time.Duration // no claim is stored for this time, and then all of them at once

	mu    sync.Mutex
	calls map[string][]time.Time // by the object's namespace
}

// come makes objects of a namespace ask for slots.
func (r *rush) come(t *testing.T, namespace string, objects int) {
	for i := range objects {
		r.attempt(t, types.NamespacedName{Namespace: namespace, Name: fmt.Sprint(i)})
	}
}

// attempt makes an object ask for a slot, and make its call if it gets one.
func (r *rush) attempt(t *testing.T, key types.NamespacedName) {
	slot := r.enterKey("p", r.limit, key)
	if slot == nil {
		return
	}
	go func() {
		<-time.After(time.Until(time.Now().Truncate(r.stall).Add(r.stall)))
		if slot.Await(t.Context()) {
			r.mu.Lock()
			r.calls[key.Namespace] = append(r.calls[key.Namespace], time.Now())
			r.mu.Unlock()
		}
		end(slot, nil)
	}()
}

// until waits until a namespace has made a number of calls, and returns the times of its calls.
func (r *rush) until(t *testing.T, namespace string, calls int) []time.Time {
	for {
		r.mu.Lock()
		made := r.calls[namespace]
		r.mu.Unlock()
		if len(made) >= calls {
			return slices.SortedFunc(slices.Values(made), time.Time.Compare)
		}
		after(time.Millisecond)
		for _, key := range r.called() {
			r.attempt(t, key)
		}
	}
}

// startRush starts a gate whose calls are not paused.
func startRush(t *testing.T, stall time.Duration) *rush {
	r := &rush{crowd: gather(t, 100), stall: stall, limit: gate.Limit{PerSecond: 100, Burst: 5},
		calls: map[string][]time.Time{}}
	r.prove("p")
	return r
}

// TestNoBunches checks that calls do not exceed the limit although the steps before them take a varying time, and that
// no calls are lost for it.
func TestNoBunches(t *testing.T) {
	for _, stall := range []time.Duration{30 * time.Millisecond, 300 * time.Millisecond, 600 * time.Millisecond} {
		t.Run(stall.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const objects = 1000
				r, began := startRush(t, stall), time.Now()
				r.come(t, "n", objects)
				calls := r.until(t, "n", objects)
				for first, last := 0, 0; last < objects; last++ {
					for calls[last].Sub(calls[first]) >= time.Second {
						first++
					}
					if n := last - first + 1; n > 105 {
						t.Fatalf("%d calls in the second before %s", n, calls[last].Sub(began))
					}
				}
				if took := calls[objects-1].Sub(began) - stall; took > 10*time.Second {
					t.Errorf("took %s and the stall, want 10 s", took)
				}
			})
		})
	}
}

// TestCallsWithHeadStart checks that objects that got their slots before the others do not wait behind the others'
// calls.
func TestCallsWithHeadStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const stall = 300 * time.Millisecond
		r := startRush(t, stall)
		r.come(t, "big", 1000)
		r.until(t, "big", 500)
		came := time.Now()
		r.come(t, "small", 10)
		// This is the time for ten slots and ten calls at the rate, and for the claims between them. Calls for 300 ms
		// are already in line, and the ten calls must not wait for those.
		took, most := r.until(t, "small", 10)[9].Sub(came), 200*time.Millisecond+stall
		t.Log(took)
		if took > most {
			t.Errorf("took %s, want %s at most", took, most)
		}
		r.until(t, "big", 1000)
	})
}

// TestAwait checks that a call is not made if a failure becomes known after its slot was given, or if its deadline
// passes.
func TestAwait(t *testing.T) {
	for name, test := range map[string]struct {
		during func(c *crowd, other *gate.Slot, stop func())
		want   bool
	}{
		"nothing":          {func(*crowd, *gate.Slot, func()) {}, true},
		"another succeeds": {func(_ *crowd, other *gate.Slot, _ func()) { end(other, nil) }, true},
		"another fails":    {func(_ *crowd, other *gate.Slot, _ func()) { end(other, throttled(time.Minute)) }, false},
		"other credentials": {func(c *crowd, _ *gate.Slot, _ func()) {
			c.Update(gate.Settings{Name: "p", Limit: slow, Client: credentials("second")})
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
						for range 10 { // use up the turns before it
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
