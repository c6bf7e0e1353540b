package gate_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// kinds are failures that may be the service's fault or the object's (with its account and namespace), and how long a
// call with such a failure takes.
var kinds = map[string]failing{
	"403":  {logout.Error{Reason: logout.Unauthorized, Message: "no role"}, 10 * time.Millisecond},
	"500":  {logout.Error{Reason: logout.ServiceFailure, Message: "oops"}, 10 * time.Millisecond},
	"page": {logout.Error{Reason: logout.UnexpectedResponse, Message: "<html>"}, 10 * time.Millisecond},
	"hang": {logout.Error{Reason: logout.EndpointUnreachable, Message: "timeout"}, 10 * time.Second},
}

// answers are failures that the service has answered with, which may be everybody's or some users'.
var answers = map[string]failing{
	"503": {logout.Error{Reason: logout.ServiceUnavailable, HTTPStatusCode: 503, ProviderWide: true}, 10 * time.Millisecond},
	"503 that asks": {logout.Error{Reason: logout.ServiceUnavailable, HTTPStatusCode: 503, ProviderWide: true,
		RetryAfter: 5 * time.Minute}, 10 * time.Millisecond},
	"429": {logout.Error{Reason: logout.Throttled, HTTPStatusCode: 429, ProviderWide: true}, 10 * time.Millisecond},
	"429 that asks": {logout.Error{Reason: logout.Throttled, HTTPStatusCode: 429, ProviderWide: true,
		RetryAfter: 5 * time.Minute}, 10 * time.Millisecond},
	"403 that asks": {logout.Error{Reason: logout.Unauthorized, HTTPStatusCode: 403, RetryAfter: 5 * time.Minute},
		10 * time.Millisecond},
}

// refused is the failure of a service to which nobody can connect.
var refused = failing{logout.Error{Reason: logout.EndpointUnreachable, ProviderWide: true}, time.Millisecond}

// failures are kinds and answers.
func failures() map[string]failing {
	all := maps.Clone(kinds)
	maps.Copy(all, answers)
	return all
}

// probes is how long a round of probes of paused namespaces takes.
func probes(namespaces int) time.Duration { return time.Duration(namespaces) * 7500 * time.Millisecond }

// guesses is how long a tenant can stop everybody by answers that look like everybody's.
func guesses(namespaces int, kind failing) (long time.Duration) {
	for needed := 3; needed <= namespaces; needed *= 4 {
		long += kind.RetryAfter
	}
	return long
}

type failing struct {
	logout.Error
	took time.Duration
}

// world holds objects that are attempted, in virtual time, until they succeed. Its service answers good objects after
// 10 ms, and fails the others.
type world struct {
	gates *gate.Gates
	limit gate.Limit

	mu    sync.Mutex
	wake  map[types.NamespacedName]chan struct{}
	calls []call
	fails func() *failing // how the service fails for everybody; nil for never
}

type call struct {
	at     time.Time
	object types.NamespacedName
}

// thing is an object of a world.
type thing struct {
	key      types.NamespacedName
	account  string
	comes    time.Duration
	notAfter time.Duration // counted from its arrival; 0 for none
	bad      *failing      // nil for a good object

	done    time.Duration // counted from its arrival; for good objects
	attempt int
}

func newWorld(ctx context.Context, limit gate.Limit) *world {
	w := &world{gates: gate.New(50), limit: limit, wake: map[types.NamespacedName]chan struct{}{}}
	go w.gates.CallUp(ctx, func(key types.NamespacedName, _ bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		select {
		case w.wake[key] <- struct{}{}:
		default:
		}
	})
	return w
}

// run attempts all objects, and returns when the good ones are done or ctx is.
func (w *world) run(ctx context.Context, things []*thing) {
	ctx, cancel := context.WithCancel(ctx)
	var good, all sync.WaitGroup
	w.mu.Lock()
	for _, o := range things {
		w.wake[o.key] = make(chan struct{}, 1)
		if o.bad == nil {
			good.Add(1)
		}
	}
	w.mu.Unlock()
	for _, o := range things {
		all.Go(func() {
			w.live(ctx, o)
			if o.bad == nil {
				good.Done()
			}
		})
	}
	good.Wait()
	cancel()
	all.Wait()
}

func (w *world) live(ctx context.Context, o *thing) {
	sleep := func(d time.Duration) bool { return passes(ctx, d) }
	if !sleep(o.comes) {
		return
	}
	came := time.Now()
	for ctx.Err() == nil {
		a := gate.Applicant{Object: o.key, Account: o.account, Created: came, Failed: o.attempt > 0}
		if o.notAfter > 0 {
			a.Expires = came.Add(o.notAfter)
		}
		if !a.Expires.IsZero() && !time.Now().Before(a.Expires) {
			w.gates.Leave(o.key)
			return
		}
		slot, _ := w.gates.Enter(gate.Settings{Name: "p", Limit: w.limit, Client: client{}}, a)
		if slot == nil {
			w.mu.Lock()
			wake := w.wake[o.key]
			w.mu.Unlock()
			select {
			case <-ctx.Done():
			case <-wake:
			}
			continue
		}
		failure, made := w.call(ctx, o, slot, a.Expires)
		slot.Release()
		if !made {
			continue
		}
		if o.attempt++; failure == nil {
			o.done = time.Since(came)
			return
		}
		least := time.Duration(0)
		if failure.Reason.Class() == logout.RetrySlowly {
			least = 30 * time.Second
		}
		most := min(5*time.Minute, time.Second<<min(o.attempt-1, 20))
		if !sleep(max(least, time.Duration(rand.Float64()*float64(most)))) {
			return
		}
	}
}

// passes lets time pass, and reports whether it passed before ctx was done. It makes no timer that is due at once: with
// thousands of such timers in a bubble and the race detector, Go 1.26.8 itself crashed in runtime.(*timer).modify.
func passes(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	over := make(chan struct{})
	timer := time.AfterFunc(d, func() { close(over) })
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-over:
		return true
	}
}

// call makes the call of a slot, if Await allows it.
func (w *world) call(ctx context.Context, o *thing, slot *gate.Slot, expires time.Time) (*logout.Error, bool) {
	if !slot.Await(ctx) {
		return nil, false
	}
	w.mu.Lock()
	w.calls = append(w.calls, call{time.Now(), o.key})
	bad := o.bad
	if w.fails != nil && bad == nil {
		bad = w.fails()
	}
	w.mu.Unlock()
	if bad == nil {
		passes(context.Background(), 10*time.Millisecond)
		slot.Report(nil)
		return nil, true
	}
	if left := time.Until(expires); !expires.IsZero() && left < bad.took {
		passes(context.Background(), left)
		slot.CutOff(&bad.Error)
		return &bad.Error, true
	}
	passes(context.Background(), bad.took)
	slot.Report(&bad.Error)
	return &bad.Error, true
}

func crowdOf(namespace, name string, n int, comes time.Duration, bad *failing) (things []*thing) {
	for i := range n {
		things = append(things, &thing{key: types.NamespacedName{Namespace: namespace, Name: fmt.Sprint(name, i)},
			account: "a", comes: comes, bad: bad})
	}
	return things
}

// once attempts an object until it was called once, whatever the answer.
func (w *world) once(ctx context.Context, o *thing) {
	w.mu.Lock()
	wake := make(chan struct{}, 1)
	w.wake[o.key] = wake
	w.mu.Unlock()
	for came := time.Now(); ctx.Err() == nil; {
		slot, _ := w.gates.Enter(gate.Settings{Name: "p", Limit: w.limit, Client: client{}},
			gate.Applicant{Object: o.key, Account: o.account, Created: came})
		if slot == nil {
			select {
			case <-ctx.Done():
			case <-wake:
			}
			continue
		}
		_, made := w.call(ctx, o, slot, time.Time{})
		slot.Release()
		if made {
			return
		}
	}
}

// inWorld runs a test in virtual time, with a service that is known to work.
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

// some returns all the values, or, with -short, one of them by chance: make unit is to take seconds, and make test tries
// them all.
func some[T any](values ...T) []T {
	if testing.Short() {
		return values[rand.N(len(values)):][:1]
	}
	return values
}

// within fails the test if a good object was not logged out, or took longer than most.
func within(t *testing.T, most time.Duration, good []*thing) {
	t.Helper()
	worst := slices.MaxFunc(good, func(a, b *thing) int { return cmp.Compare(a.done, b.done) })
	undone := slices.ContainsFunc(good, func(o *thing) bool { return o.done == 0 })
	if undone || worst.done > most {
		t.Errorf("the last, %s, after %s, want %s; all done: %t", worst.key, worst.done, most, !undone)
	}
}

// blip pauses the calls of a world for a moment.
func (w *world) blip() {
	slot, _ := w.gates.Enter(gate.Settings{Name: "p", Limit: w.limit, Client: client{}},
		gate.Applicant{Object: named("blip")})
	end(slot, &logout.Error{Reason: logout.ServiceUnavailable, HTTPStatusCode: 503, ProviderWide: true})
}
