package gate_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/logout"
)

var (
	unavailable = &logout.Error{Reason: logout.ServiceUnavailable, ProviderWide: true, HTTPStatusCode: 503}
	noAnswer    = &logout.Error{Reason: logout.ServiceUnavailable, ProviderWide: true}
	failing500  = &logout.Error{Reason: logout.ServiceFailure, HTTPStatusCode: 500}
)

// failsFor makes a service fail for a time, with one of the failures after the other; beside runs at every step and
// stands for another namespace. It returns how many calls were made, and how many of them were made before a
// Retry-After was over, not counting those of the first second. Half of the objects are in one namespace, and each of
// the others has its own.
func failsFor(t *testing.T, c *crowd, lasts time.Duration, failures []*logout.Error, beside func()) (calls, early int) {
	t.Helper()
	key := func(i int) types.NamespacedName {
		return types.NamespacedName{Namespace: fmt.Sprint("n", max(0, i-100)), Name: fmt.Sprint(i)}
	}
	called := map[types.NamespacedName]bool{}
	enter := func(key types.NamespacedName) *gate.Slot {
		slot, _ := c.Enter(gate.Settings{Name: "p", Limit: slow, Client: c.with},
			gate.Applicant{Object: key, Created: time.Now(), Failed: called[key]})
		return slot
	}
	for i := range 200 {
		if slot := enter(key(i)); slot != nil {
			slot.Release()
			enter(key(i))
		}
	}
	began, asked := time.Now(), time.Time{}
	for time.Since(began) < lasts {
		after(100 * time.Millisecond)
		beside()
		for _, key := range c.called() {
			slot := enter(key)
			if slot == nil {
				continue
			}
			failure := failures[calls%len(failures)]
			if time.Now().Before(asked) && time.Since(began) > time.Second {
				early++
			}
			called[key] = true
			calls++
			if at := time.Now().Add(failure.RetryAfter); failure.RetryAfter > 0 && at.After(asked) {
				asked = at
			}
			end(slot, failure)
			enter(key)
		}
	}
	return calls, early
}

// TestMixedFailures checks that a service that fails in different ways gets no more calls than one that fails in one
// way, that its Retry-After holds, and that the pause is reported as one from its beginning, so that waiting objects
// are given up in time.
func TestMixedFailures(t *testing.T) {
	asks := func(e *logout.Error) *logout.Error {
		asking := *e
		asking.RetryAfter = 20 * time.Second
		return &asking
	}
	for name, failures := range map[string][]*logout.Error{
		"503":                          {unavailable},
		"500":                          {failing500},
		"503, 500":                     {unavailable, failing500},
		"503, 503, 500":                {unavailable, unavailable, failing500},
		"503, 500, 500":                {unavailable, failing500, failing500},
		"401, 500":                     {unauthorized, failing500},
		"429, 500":                     {throttled(0), failing500},
		"503, 500, 500, 429 that asks": {unavailable, failing500, failing500, throttled(20 * time.Second)},
		"500 four times, 429 that asks": {failing500, failing500, failing500, failing500,
			throttled(20 * time.Second)},
		"503, 500 that asks, 503 that asks": {unavailable, asks(failing500), asks(unavailable)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := gather(t, 50)
				c.prove("p")
				after(11 * time.Minute) // otherwise a 429 would count as one user's, because another was answered
				began := time.Now()
				calls, early := failsFor(t, c, 20*time.Minute, failures, func() {})
				most := 12 + 20*8
				if failures[0] == unauthorized { // its pauses grow up to five minutes
					most = 40
				}
				if calls > most || early > 0 {
					t.Errorf("%d calls in 20 minutes, want %d at most; %d before a Retry-After was over", calls, most,
						early)
				}
				if closed := c.States()["p"].Pause; closed == nil || closed.Since.Sub(began) > 10*time.Second {
					t.Errorf("after 20 minutes it is told as %+v", closed)
				}
			})
		})
	}
}

// TestThrottledForAllBesideOne checks that a namespace whose calls fail in another way, or get a final answer, does not
// hide that all others are throttled.
func TestThrottledForAllBesideOne(t *testing.T) {
	notFound := &logout.Error{Reason: logout.NotFound, HTTPStatusCode: 404}
	for name, failure := range map[string]*logout.Error{"503": unavailable, "500": failing500, "404": notFound} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := gather(t, 50)
				c.prove("p")
				one := func(i int) {
					slot, _ := c.Enter(gate.Settings{Name: "p", Limit: slow, Client: c.with},
						gate.Applicant{Object: types.NamespacedName{Namespace: "one", Name: fmt.Sprint(i)},
							Failed: true})
					if slot != nil {
						end(slot, failure)
					}
				}
				for i := range 5 {
					one(i)
					after(time.Second)
				}
				n := 5
				calls, early := failsFor(t, c, 10*time.Minute, []*logout.Error{throttled(5 * time.Minute)}, func() {
					if n++; n%180 == 0 { // every 18 s
						one(n)
					}
				})
				// As one was served in the last ten minutes, twelve namespaces have to fail before the second pause.
				if calls > 40 || early > 16 {
					t.Errorf("%d calls in 10 minutes, %d of them before a Retry-After was over", calls, early)
				}
			})
		})
	}
}

// TestBlipInAPause checks a short failure that is certainly the service's, followed by one that may be an object's.
// They neither end the separate pauses of namespaces nor delay the next pause of all, and one user's 429 among them
// stops nobody else.
func TestBlipInAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 50)
		c.prove("p")
		call := func(namespace string, name any, failure *logout.Error) {
			t.Helper()
			slot := c.enterKey("p", fast, types.NamespacedName{Namespace: namespace, Name: fmt.Sprint(name)})
			if slot == nil {
				t.Fatalf("no slot for %s/%v", namespace, name)
			}
			end(slot, failure)
			after(10 * time.Second)
		}
		for i := range 3 {
			call("bad", i, failing500)
		}
		for range 4 {
			call("another", "a", nil)
			call("good", "b", noAnswer)
			call("other", "c", failing500)
			if n := c.States()["p"].Namespaces; n != 1 {
				t.Fatalf("%d namespaces are paused by themselves in the pause of all, want 1", n)
			}
			call("good", "d", throttled(5*time.Minute))
			call("good", "e", nil)
		}
		if state := c.States()["p"]; state.Pause != nil || state.Namespaces != 1 {
			t.Errorf("%+v", state)
		}
	})
}

// TestRateAfterMixedFailures checks that the rate is halved only once before the next answer, however often 429 and 500
// alternate.
func TestRateAfterMixedFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, 50)
		c.prove("p")
		after(11 * time.Minute)
		failsFor(t, c, 5*time.Minute, []*logout.Error{throttled(0), failing500}, func() {})
		if rate := c.States()["p"].PerSecond; rate < slow.PerSecond/2-0.1 {
			t.Errorf("%.2f calls a second of %.2f", rate, slow.PerSecond)
		}
	})
}
