package gate

import (
	"context"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// caller stands in for a client; the gate only compares it.
type caller string

func (caller) CheckIDs(string, string) *logout.Error { return nil }

func (caller) Logout(context.Context, string, string) (logout.Receipt, error) {
	panic("the gate makes no calls")
}

// begin is far from the real time, which a gate must not use.
var begin = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)

// These are failures of every kind.
var (
	throttled    = providerWide(logout.Throttled)
	unavailable  = &logout.Error{Reason: logout.ServiceUnavailable, ProviderWide: true, HTTPStatusCode: 503, Message: "not now"}
	unreachable  = providerWide(logout.EndpointUnreachable)
	unauthorized = providerWide(logout.Unauthorized)
	failing      = &logout.Error{Reason: logout.ServiceFailure, Message: "oops"}
	misdirected  = &logout.Error{Reason: logout.UnexpectedResponse, Message: "<html>"}
	permanent    = &logout.Error{Reason: logout.NotFound, Message: "no such user"}
)

func providerWide(reason logout.Reason) *logout.Error {
	return &logout.Error{Reason: reason, ProviderWide: true, Message: "not now"}
}

// asking returns the failure with a Retry-After.
func asking(failure *logout.Error, retryAfter time.Duration) *logout.Error {
	asks := *failure
	asks.RetryAfter = retryAfter
	return &asks
}

// object returns the key of an object from "namespace/name".
func object(name string) types.NamespacedName {
	namespace, name, _ := strings.Cut(name, "/")
	return types.NamespacedName{Namespace: namespace, Name: name}
}

// keeper does for one gate what Gates does for all, but controls the clock.
type keeper struct {
	*gate
	now  time.Time
	room int // limit of calls at all gates together
}

// slot is to a keeper what Slot is to Gates.
type slot struct {
	*Slot
	k   *keeper
	key types.NamespacedName
}

// keep returns the keeper of a gate with room for all calls of a test.
func keep(limit Limit, restored *Pause) *keeper {
	g := newGate(limit, caller("first"))
	g.restore(restored, begin)
	return &keeper{g, begin, 1000}
}

// keepProven returns the keeper of a gate whose service is known to answer.
func keepProven(t *testing.T, limit Limit) *keeper {
	t.Helper()
	k := keep(limit, nil)
	k.mustEnter(t, "proof/0").end(nil)
	k.pass(time.Hour)
	return k
}

func (k *keeper) pass(d time.Duration) { k.now = k.now.Add(d) }

func (k *keeper) free() int { return k.room - k.calls - len(k.granted) }

func (k *keeper) enter(key types.NamespacedName) *slot { return k.apply(Applicant{Object: key}) }

func (k *keeper) apply(a Applicant) *slot { return k.applyIn(a, k.free()) }

func (k *keeper) applyIn(a Applicant, free int) *slot {
	p, ok := k.gate.enter(a, backlog, free, k.now)
	if !ok {
		return nil
	}
	return &slot{&Slot{gate: k.gate, origin: p.value.origin(), epoch: k.epoch, failed: p.value.failed,
		probe: p.value.probe}, k, a.Object}
}

// mustEnter makes an object take a slot, which must be available.
func (k *keeper) mustEnter(t *testing.T, name string) *slot {
	t.Helper()
	s := k.enter(object(name))
	if s == nil {
		t.Fatalf("no slot for %s at %s", name, k.now.Sub(begin))
	}
	return s
}

// mustWait makes objects ask for slots, which must not be available.
func (k *keeper) mustWait(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if k.enter(object(name)) != nil {
			t.Fatalf("a slot for %s at %s", name, k.now.Sub(begin))
		}
	}
}

// callUp returns the objects that get a slot now.
func (k *keeper) callUp() (keys []types.NamespacedName) {
	for key, ok := k.gate.callUp(k.free(), k.now); ok; key, ok = k.gate.callUp(k.free(), k.now) {
		keys = append(keys, key)
	}
	return keys
}

// mustCallUp checks which objects get a slot now.
func (k *keeper) mustCallUp(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, key := range k.callUp() {
		got = append(got, key.String())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("called up at %s: %q, want %q", k.now.Sub(begin), got, want)
	}
}

// mustBeClosed checks why calls are paused, and for how much longer.
func (k *keeper) mustBeClosed(t *testing.T, reason logout.Reason, pause time.Duration) {
	t.Helper()
	if c := k.state(k.now).Pause; c == nil || c.Reason != reason || c.Until.Sub(k.now) != pause {
		t.Fatalf("at %s: closed %+v, want it for %s because of %s", k.now.Sub(begin), c, pause, reason)
	}
}

func (k *keeper) mustBeOpen(t *testing.T) {
	t.Helper()
	if c := k.state(k.now).Pause; c != nil {
		t.Fatalf("at %s: closed %+v", k.now.Sub(begin), c)
	}
}

func (k *keeper) leave(name string) { k.gate.leave(object(name), k.now) }

func (k *keeper) renew(client string) { k.gate.renew(caller(client), k.now) }

func (s *slot) report(failure *logout.Error) {
	s.made = true
	s.k.report(s.Slot, failure, s.k.now)
}

func (s *slot) release() { s.k.release(s.Slot, s.k.now) }

func (s *slot) end(failure *logout.Error) {
	s.report(failure)
	s.release()
}
