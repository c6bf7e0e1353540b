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

// rush is objects that are attempted as they get their slots, in virtual time.
type rush struct {
	*crowd
	limit gate.Limit
	stall time.Duration // no claim is stored for so long, and then all of that time are at once

	mu    sync.Mutex
	calls map[string][]time.Time // by the object's namespace
}

// come has objects of a namespace ask for slots.
func (r *rush) come(t *testing.T, namespace string, objects int) {
	for i := range objects {
		r.attempt(t, types.NamespacedName{Namespace: namespace, Name: fmt.Sprint(i)})
	}
}

// attempt has an object ask, and make its call if it has a slot.
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

// until lets time pass until a namespace has made a number of calls, and returns when they were.
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

// startRush gathers objects at a gate that is open.
func startRush(t *testing.T, stall time.Duration) *rush {
	r := &rush{crowd: gather(t, 100), stall: stall, limit: gate.Limit{PerSecond: 100, Burst: 5}, calls: map[string][]time.Time{}}
	r.prove("p")
	return r
}

// TestNoBunches: calls come no closer than the limit has it, although what comes
// before them takes now one time and now another, and are no fewer for it.
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

// TestCallsWithHeadStart: what has got its slots before the others does not
// stand behind their calls.
func TestCallsWithHeadStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const stall = 300 * time.Millisecond
		r := startRush(t, stall)
		r.come(t, "big", 1000)
		r.until(t, "big", 500)
		came := time.Now()
		r.come(t, "small", 10)
		// Ten slots and ten calls at the rate, and the claims between them; there
		// are calls of 300 ms in line that they would have to wait for, too.
		took, most := r.until(t, "small", 10)[9].Sub(came), 200*time.Millisecond+stall
		t.Log(took)
		if took > most {
			t.Errorf("took %s, want %s at most", took, most)
		}
		r.until(t, "big", 1000)
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
