// Package gate decides who may call when: one gate for each provider, so that
// ten thousand objects cost a service in trouble no more calls than ten do.
//
// A gate is a circuit breaker with fair queueing and an adaptive token bucket. The
// bucket (pace.go) hands out slots at the provider's rate, and more slowly while
// the service throttles. The queue (queue.go) is fair between namespaces. The
// breaker trips on failures that are the service's and not one object's: calls are
// paused, and resume when a single call, the probe, has been answered (breaker.go,
// probe.go); failures that may be one tenant's own pause that namespace alone
// (suspicion.go). Objects that wait have no timer and no goroutine: they are called
// up one by one (docs/decisions/0005-one-gate-per-provider.md).
package gate

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// Unprobed is how long after its Until a pause lasts if nobody wants to call: twice the longest wait between two attempts of one object.
const Unprobed = 10 * time.Minute

// maxLeft is how many of those a second are looked at who waited at a gate that
// is forgotten: the deletion of their provider has woken them, too.
const maxLeft = 1000

// Gates of all providers. They share a number of calls under way, of which each
// gate can have as many as are left for the others: one service that never
// answers does not use them up.
type Gates struct {
	mu    sync.Mutex
	gates map[string]*gate       // by the provider's name
	left  []types.NamespacedName // who waited at gates that are forgotten, to be looked at
	room  int                    // for calls under way, at all gates together
	begun time.Time              // when the first object came
	moved chan struct{}          // there may be a slot for somebody: for CallUp
	news  chan struct{}          // a gate has changed: for Changes
}

// Settings are what a gate needs to know of its provider.
type Settings struct {
	Name string
	// Limit and Client as they are now.
	Limit  Limit
	Client logout.Client
	// Restored is the pause in which an earlier process left the provider; nil for none.
	Restored *Pause
}

// Applicant is an object that wants to call its provider.
type Applicant struct {
	Object types.NamespacedName
	// Account whose user is to be logged out.
	Account string
	// Created is when the object was created, Failed whether a call for it has
	// failed, and Unknown whether nobody knows what came of the last one: new
	// objects, and those, do not wait for the backlog of a restart.
	Created         time.Time
	Failed, Unknown bool
	// Expires is when the object does not want to call any more; zero for never.
	Expires time.Time
	// GiveUp is how long it waits for a service to whose trouble there is no end,
	// counted from Came at the earliest; 0 for ever. It waits for its turn at one that
	// works for as long as it takes.
	GiveUp time.Duration
	// Came is since when it waits; zero for since it entered.
	Came time.Time
}

// Wait is what an object that has no slot yet can expect.
type Wait struct {
	// Tell: it has waited for ten seconds or more, and is to be told so; later
	// where many wait, as fifty a second are told.
	Tell bool
	// Pause of all calls, or of those of its namespace; nil if it waits
	// for its turn and for nothing else.
	Pause *Pause
	// Own means that only its namespace's calls are paused.
	Own bool
}

// Pause is why and until when no calls are made.
type Pause struct {
	// Reason and Message of the failure that began or prolonged it.
	Reason  logout.Reason
	Message string
	// Since is when it began.
	Since time.Time
	// Until is when the next probe may be made. When it has passed, the next
	// object that wants to call is the probe.
	Until time.Time
}

// State of a gate at one moment.
type State struct {
	// Pause of all calls; nil while they are made.
	Pause *Pause
	// PerSecond is the rate of calls, as the service has slowed it.
	PerSecond float64
	// Waiting is how many objects wait for a slot, WaitingSince since when it
	// has been more than none.
	Waiting      int
	WaitingSince time.Time
	// Calls under way.
	Calls int
	// Namespaces whose calls are paused, as those that were made failed in ways
	// that may be their own fault.
	Namespaces int
}

// New returns the gates; no provider has more than the given number of calls
// under way.
func New(calls int) *Gates {
	return &Gates{gates: map[string]*gate{}, room: 2 * calls, moved: make(chan struct{}, 1), news: make(chan struct{}, 1)}
}

// Slot is the right to make one call now. It has to be released, once.
type Slot struct {
	gates  *Gates
	gate   *gate
	origin origin
	epoch  int
	failed bool // the object has failed before
	early  bool // given to an object with a head start
	probe  bool // given while others call
	made   bool // the call was made
	began  time.Time
}

// Enter asks for a slot. An object that gets none waits until CallUp calls it
// up, to ask again; it keeps its place when it asks in between.
func (g *Gates) Enter(p Settings, a Applicant) (*Slot, Wait) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if g.begun.IsZero() {
		g.begun = now.Truncate(time.Second) // what the API server stores of a time
	}
	at := g.gate(p, now)
	defer g.tell(at)
	for _, other := range g.gates {
		if other != at { // where an object of the same name may have waited
			other.leave(a.Object, now)
		}
	}
	place, ok := at.enter(a, g.sortOf(a), g.free(), now)
	if !ok {
		return nil, at.wait(place)
	}
	e := &place.value
	return &Slot{gates: g, gate: at, origin: e.origin(), epoch: at.epoch, failed: e.failed, early: e.early, probe: e.probe}, Wait{}
}

func (g *Gates) sortOf(a Applicant) sort {
	switch {
	case a.Unknown:
		return fresh
	case a.Failed:
		return retry
	case a.Created.Before(g.begun):
		return backlog
	}
	return fresh
}

// gate returns the gate of a provider, brought up to date.
func (g *Gates) gate(p Settings, now time.Time) *gate {
	at, ok := g.gates[p.Name]
	if !ok {
		at = newGate(p.Limit, p.Client)
		at.extra = g.room / 5
		g.gates[p.Name] = at
	}
	at.restore(p.Restored, now)
	at.pace.set(p.Limit, now)
	at.renew(p.Client, now)
	return at
}

// Leave says that an object wants no slot, for now or for ever.
func (g *Gates) Leave(object types.NamespacedName) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, at := range g.gates {
		at.leave(object, time.Now())
		g.tell(at)
	}
}

// Report says what came of the call: the failure, or nil if the service
// confirmed the logout.
func (s *Slot) Report(failure *logout.Error) {
	s.gates.mu.Lock()
	defer s.gates.mu.Unlock()
	s.made = true
	s.gate.report(s, failure, time.Now())
	s.gates.tell(s.gate)
}

// CutOff says that the call was made, and ended by the object's own notAfter
// before there was an answer.
func (s *Slot) CutOff(failure *logout.Error) {
	s.gates.mu.Lock()
	defer s.gates.mu.Unlock()
	s.made = true
	s.gate.cutOff(s, failure, time.Now())
	s.gates.tell(s.gate)
}

// Release ends the call: there is room for another. It may come well after the
// report, since what came of the call has to be stored first, or without one,
// if no call was made.
func (s *Slot) Release() {
	s.gates.mu.Lock()
	defer s.gates.mu.Unlock()
	s.gate.release(s, time.Now())
	s.gates.tell(s.gate)
}

// Forget drops the gate of a provider that is gone. The objects that wait there
// get no slot any more; they are called up to be looked at, as the provider may
// have been created anew since.
func (g *Gates) Forget(provider string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := g.gates[provider]; at != nil {
		g.left = slices.AppendSeq(slices.AppendSeq(g.left, maps.Keys(at.queue.places)), maps.Keys(at.called))
	}
	delete(g.gates, provider)
	signal(g.moved) // there is room for others
}

// Update takes over what has been changed of a provider, and returns the state
// of its gate.
func (g *Gates) Update(p Settings) State {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	at := g.gate(p, now)
	g.tell(at)
	return at.state(now)
}

// States returns the states of all gates by the provider's name.
func (g *Gates) States() map[string]State {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, states := time.Now(), make(map[string]State, len(g.gates))
	for provider, at := range g.gates {
		states[provider] = at.state(now)
	}
	return states
}

// CallUp calls up the objects that wait, until ctx is done: each when it has its
// slot, and those that have to be looked at without one, as they are to be told
// that they wait or have expired; of those some may have got a slot or left by
// then. An object that is called up has to Enter or Leave.
func (g *Gates) CallUp(ctx context.Context, object func(key types.NamespacedName, hasSlot bool)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var looks round
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.moved:
		case <-timer.C:
		}
		now := time.Now()
		called, next := g.callUp(now)
		for _, key := range called {
			object(key, true)
		}
		if looks.over(now) {
			looks = newRound(g.look(now), now)
		}
		for _, key := range looks.due(now) {
			object(key, false)
		}
		timer.Reset(min(next, looks.next(now)))
	}
}

// look returns the objects at all gates that have to be looked at.
func (g *Gates) look(now time.Time) (keys []types.NamespacedName) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.left), maxLeft)
	keys, g.left = slices.Clone(g.left[:n]), g.left[n:]
	for _, at := range g.gates {
		keys = append(keys, at.look(now)...)
		if at.changed {
			signal(g.news)
		}
	}
	return keys
}

// callUp returns the objects that have a slot now, and when to look again.
func (g *Gates) callUp(now time.Time) (called []types.NamespacedName, next time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	next = lookEvery
	for _, at := range g.gates {
		for key, ok := at.callUp(g.free(), now); ok; key, ok = at.callUp(g.free(), now) {
			called = append(called, key)
		}
		if wait, ok := at.untilFree(g.free(), now); ok {
			next = min(next, max(wait, 0))
		}
		if at.changed {
			signal(g.news)
		}
	}
	return called, next
}

// Changes reports the providers whose calls have been paused or resumed, or at which
// somebody has begun or ceased to wait, until ctx is done.
func (g *Gates) Changes(ctx context.Context, provider func(string)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.news:
		}
		for _, name := range g.changes() {
			provider(name)
		}
	}
}

func (g *Gates) changes() (names []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for name, at := range g.gates {
		if at.changed {
			at.changed = false
			names = append(names, name)
		}
	}
	return names
}

// free is how many more calls there is room for. A gate gets one only while it
// has fewer than that, so that some room is always left for the others.
func (g *Gates) free() int {
	free := g.room
	for _, at := range g.gates {
		free -= at.calls + len(at.called)
	}
	return free
}

// tell wakes CallUp and Changes if there is something for them.
func (g *Gates) tell(at *gate) {
	if at.changed {
		signal(g.news)
	}
	for _, other := range g.gates { // the end of a call makes room at all of them
		if other.queue.len() > 0 {
			signal(g.moved)
			return
		}
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
