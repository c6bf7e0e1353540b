// Package gate decides which object may call its provider's service, and when. There is one gate for each provider, so
// that ten thousand objects cost a failing service no more calls than ten do.
//
// A gate is a circuit breaker with fair queueing and an adaptive token bucket. The bucket (pace.go) gives out slots at
// the provider's rate, and more slowly while the service throttles. The queue (queue.go) is fair between namespaces.
// The breaker trips on failures that are the service's and not one object's: calls are paused, and resume when a single
// call, the probe, has been answered (breaker.go, probe.go). Failures that may be one tenant's own pause only that
// namespace (suspicion.go). Waiting objects have no timer and no goroutine: the gate calls them up one by one
// (docs/decisions/0005-one-gate-per-provider.md).
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

// PauseExpiry is how long after its Until a pause lasts if no object wants to call: twice the longest wait between two
// attempts of one object.
const PauseExpiry = 10 * time.Minute

// maxLeft bounds how many objects of forgotten gates are looked at per second. There is no hurry, because the deletion
// of their provider has woken them already.
const maxLeft = 1000

// Gates holds the gates of all providers: for each one a circuit breaker with fair queueing and an adaptive token
// bucket. All gates share one limit of calls under way. A gate gets a slot only while more are free than it already
// uses, so one service that never answers cannot use them all up.
type Gates struct {
	mu           sync.Mutex
	gates        map[string]*gate       // by the provider's name
	orphans      []types.NamespacedName // objects that waited at forgotten gates, to be looked at
	maxCalls     int                    // the limit of calls under way at all gates together
	begun        time.Time              // when the first object entered
	slotFreed    chan struct{}          // for CallUp: a slot may be free
	stateChanged chan struct{}          // for Changes: a gate has changed
}

// Settings are what a gate needs to know of its provider.
type Settings struct {
	Name string
	// Limit and Client are the current ones.
	Limit  Limit
	Client logout.Client
	// Restored is the pause that an earlier process left in the provider's status; nil for none.
	Restored *Pause
}

// Applicant is an object that wants to call its provider.
type Applicant struct {
	Object types.NamespacedName
	// Account is the account of the user to be logged out.
	Account string
	// Created is when the object was created, Failed whether a call for it has failed, and Unknown whether the outcome
	// of its last call is unknown. New objects and those with an unknown outcome do not wait for the backlog of a
	// restart.
	Created         time.Time
	Failed, Unknown bool
	// Expires is when the object stops wanting to call; zero for never.
	Expires time.Time
	// GiveUp is how long the object waits while calls are paused; 0 for no limit. It is counted from the beginning of
	// the pause, or from WaitingSince if that is later. While calls are not paused, it waits for its turn without a limit.
	GiveUp time.Duration
	// WaitingSince is when the object began to wait; zero if that was when it entered.
	WaitingSince time.Time
}

// Wait is the answer to an object that gets no slot yet.
type Wait struct {
	// ShowQueued means that the object has waited for ten seconds or more, and its status should say so. If many objects
	// wait, this comes later, because 50 objects a second are told.
	ShowQueued bool
	// Pause is the pause of all calls, or of the namespace's calls; nil if the object only waits for its turn.
	Pause *Pause
	// NamespaceOnly means that only the calls of the object's namespace are paused.
	NamespaceOnly bool
}

// Pause says why calls are paused, and until when.
type Pause struct {
	// Reason and Message are those of the failure that began or prolonged the pause.
	Reason  logout.Reason
	Message string
	// Since is when the pause began.
	Since time.Time
	// Until is when the next probe may be made. After it, the next object that wants to call is the probe.
	Until time.Time
}

// State is the state of a gate at one moment.
type State struct {
	// Pause is the pause of all calls; nil while calls are made.
	Pause *Pause
	// PerSecond is the current rate of calls, including any slowdown after throttling.
	PerSecond float64
	// Waiting is how many objects wait for a slot, WaitingSince since when at least one has waited.
	Waiting      int
	WaitingSince time.Time
	// Calls is how many calls are under way.
	Calls int
	// Namespaces is how many namespaces have their calls paused because their calls failed in ways that may be their
	// own fault.
	Namespaces int
}

// New returns the gates. calls is how many calls one provider may have under way. Namespaces with few calls can exceed
// it by up to a fifth (hasRoom).
func New(calls int) *Gates {
	return &Gates{gates: map[string]*gate{}, maxCalls: 2 * calls, slotFreed: make(chan struct{}, 1),
		stateChanged: make(chan struct{}, 1)}
}

// Slot is the right to make one call now. It must be released exactly once.
type Slot struct {
	gates  *Gates
	gate   *gate
	origin origin
	epoch  int
	failed bool // the object has failed before
	early  bool // given to an object with a head start
	probe  bool // given as a probe while other calls are made
	made   bool // the call was made
	began  time.Time
}

// Enter asks for a slot. An object that gets none waits until CallUp calls it up, and then asks again. If it asks
// earlier, it keeps its place.
func (g *Gates) Enter(p Settings, a Applicant) (*Slot, Wait) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if g.begun.IsZero() {
		g.begun = now.Truncate(time.Second) // the API server stores whole seconds
	}
	at := g.gate(p, now)
	defer g.tell(at)
	for _, other := range g.gates {
		if other != at { // an object of the same name may have waited there
			other.leave(a.Object, now)
		}
	}
	place, ok := at.enter(a, g.classOf(a), g.free(), now)
	if !ok {
		return nil, at.wait(place)
	}
	e := &place.value
	return &Slot{gates: g, gate: at, origin: e.origin(), epoch: at.epoch, failed: e.failed, early: e.early,
		probe: e.probe}, Wait{}
}

func (g *Gates) classOf(a Applicant) class {
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

// gate returns the gate of a provider, with the current settings applied.
func (g *Gates) gate(p Settings, now time.Time) *gate {
	at, ok := g.gates[p.Name]
	if !ok {
		at = newGate(p.Limit, p.Client)
		at.extra = g.maxCalls / 5
		g.gates[p.Name] = at
	}
	at.restore(p.Restored, now)
	at.pace.set(p.Limit, now)
	at.renew(p.Client, now)
	return at
}

// Leave says that an object wants no slot, for now or ever.
func (g *Gates) Leave(object types.NamespacedName) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, at := range g.gates {
		at.leave(object, time.Now())
		g.tell(at)
	}
}

// Report says how the call ended: with a failure, or nil if the service confirmed the logout.
func (s *Slot) Report(failure *logout.Error) {
	s.gates.mu.Lock()
	defer s.gates.mu.Unlock()
	s.made = true
	s.gate.report(s, failure, time.Now())
	s.gates.tell(s.gate)
}

// CutOff says that the call was made, but the object's own notAfter ended it before an answer came.
func (s *Slot) CutOff(failure *logout.Error) {
	s.gates.mu.Lock()
	defer s.gates.mu.Unlock()
	s.made = true
	s.gate.cutOff(s, failure, time.Now())
	s.gates.tell(s.gate)
}

// Release ends the call and makes room for another. It may come well after Report, because the outcome has to be stored
// first, or without Report, if no call was made.
func (s *Slot) Release() {
	s.gates.mu.Lock()
	defer s.gates.mu.Unlock()
	s.gate.release(s, time.Now())
	s.gates.tell(s.gate)
}

// Forget drops the gate of a deleted provider. The objects that wait there get no slot. They are called up to be looked
// at, because the provider may have been created again.
func (g *Gates) Forget(provider string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := g.gates[provider]; at != nil {
		g.orphans = slices.AppendSeq(slices.AppendSeq(g.orphans, maps.Keys(at.queue.places)), maps.Keys(at.granted))
	}
	delete(g.gates, provider)
	signal(g.slotFreed) // there may be room for others
}

// Update applies changed settings of a provider, and returns the state of its gate.
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

// CallUp calls up waiting objects until ctx is done. It calls up each object when it gets its slot. It also calls up
// objects without a slot: those that must be told that they wait, and those that have expired. Some of these may have
// got a slot or left in the meantime. An object that is called up has to Enter or Leave.
func (g *Gates) CallUp(ctx context.Context, object func(key types.NamespacedName, hasSlot bool)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var looks round
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.slotFreed:
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

// look returns the objects at all gates that must be looked at without a slot.
func (g *Gates) look(now time.Time) (keys []types.NamespacedName) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.orphans), maxLeft)
	keys, g.orphans = slices.Clone(g.orphans[:n]), g.orphans[n:]
	for _, at := range g.gates {
		keys = append(keys, at.look(now)...)
		if at.changed {
			signal(g.stateChanged)
		}
	}
	return keys
}

// callUp returns the objects that get a slot now, and how long until it should be called again.
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
			signal(g.stateChanged)
		}
	}
	return called, next
}

// Changes reports providers until ctx is done: those whose calls have been paused or resumed, and those at which the
// first object has begun to wait or the last one has stopped.
func (g *Gates) Changes(ctx context.Context, provider func(string)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.stateChanged:
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

// free is how many more calls there is room for. A gate gets a slot only while it uses fewer than that, so that some
// room is always left for the others.
func (g *Gates) free() int {
	free := g.maxCalls
	for _, at := range g.gates {
		free -= at.calls + len(at.granted)
	}
	return free
}

// tell wakes CallUp and Changes if there is something for them.
func (g *Gates) tell(at *gate) {
	if at.changed {
		signal(g.stateChanged)
	}
	for _, other := range g.gates { // the end of a call makes room at all gates
		if other.queue.len() > 0 {
			signal(g.slotFreed)
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
