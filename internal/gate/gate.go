package gate

import (
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// gate is the circuit breaker and queue of one provider. Its caller holds the lock and passes the time.
type gate struct {
	pace      pace
	queue     queue
	callQueue callQueue
	// granted are the objects that the gate has given a slot and called up, and that have not come for it yet.
	granted      map[types.NamespacedName]*place
	calls        int            // under way
	busy         map[string]int // calls under way and objects called up, by namespace
	waitingSince time.Time      // since when somebody has waited; zero if nobody waits
	untold       []*place       // waiting objects whose status does not say yet that they wait, in order of arrival

	client    logout.Client // makes the calls
	epoch     int           // results from earlier epochs are ignored
	proven    bool          // a call with this client has been answered; until then only probes are made
	extra     int           // calls allowed beyond the free room, for namespaces with few calls under way
	probes    int           // probes under way or called up while other calls are made
	used      bool          // a slot was given or the client changed, so restore does nothing any more
	outage    *outage       // the pause of all calls for failures that are certainly the service's
	blame     blame         // whom an answer such as 503 or 429 concerns
	suspicion suspicion     // pauses for failures that may be the service's or the objects'
	throttles throttling
	lastProbe map[origin]time.Time // when each namespace, and each account in it, was last probed
	toFix     time.Time            // when a failure that somebody has to fix was first seen; zero for none
	newest    bool                 // among namespaces never probed, probe the one with the newest object next

	changed bool // the state has changed and Changes has not reported it yet
}

func newGate(limit Limit, client logout.Client) *gate {
	return &gate{pace: newPace(limit), queue: newQueue(), granted: map[types.NamespacedName]*place{},
		busy: map[string]int{}, client: client, suspicion: newSuspicion(), lastProbe: map[origin]time.Time{}}
}

// enter asks for a slot. An object that has been called up has one. Another object gets one only if nobody waits;
// otherwise it waits.
func (g *gate) enter(a Applicant, of class, free int, now time.Time) (p *place, ok bool) {
	if c := g.outage; c != nil && g.waitingSince.IsZero() && now.After(c.Until.Add(PauseExpiry)) {
		c.Since, g.toFix = now, time.Time{} // the state of the service has been unknown since the pause ran out
	}
	if p = g.queue.places[a.Object]; p != nil {
		p.value.update(a)
		g.queue.reclassify(p, of)
		return p, false
	}
	if p = g.granted[a.Object]; p != nil {
		delete(g.granted, a.Object)
	} else if p = g.queue.push(a, of, now); g.queue.len() > 1 || g.next(free, now) == nil {
		g.untold = append(g.untold, p)
		g.countWaiting(now)
		return p, false
	}
	g.countWaiting(now)
	g.calls++
	return p, true
}

// callUp takes a slot, if one is free, for the next object.
func (g *gate) callUp(free int, now time.Time) (key types.NamespacedName, ok bool) {
	p := g.next(free, now)
	if p == nil {
		return key, false
	}
	g.granted[p.value.object] = p
	g.countWaiting(now)
	return p.value.object, true
}

// next takes the object that gets a slot now out of the queue, and takes the slot; nil if no object gets one.
func (g *gate) next(free int, now time.Time) *place {
	var p *place
	if wait, ok := g.untilProbe(free, now); ok && wait <= 0 {
		p = g.pick(now)
	} else if wait, ok := g.untilTurn(free, now); ok && wait <= 0 {
		p = g.queue.pop(g.hasRoom(free), now)
	}
	if p == nil {
		return nil
	}
	g.used = true
	g.pace.take(now)
	g.busy[p.value.object.Namespace]++
	return p
}

// leave removes an object that wants no slot, for now or ever.
func (g *gate) leave(key types.NamespacedName, now time.Time) {
	if p := g.queue.places[key]; p != nil {
		g.queue.remove(p, now)
	}
	if p := g.granted[key]; p != nil {
		delete(g.granted, key)
		g.probed(g.epoch)
		g.idle(key.Namespace, p.value.probe)
		g.unmade(p.value.probe, now)
	}
	g.countWaiting(now)
}

// idle notes the end of a call, or that an object is no longer called up.
func (g *gate) idle(namespace string, probe bool) {
	if probe {
		g.probes--
	}
	if g.busy[namespace]--; g.busy[namespace] <= 0 {
		delete(g.busy, namespace)
	}
}

// untilFree is how long until the next object can have a slot. ok is false if no time is known, because it depends on
// an event: the end of a call, or a new object. free is how many calls there is room for.
func (g *gate) untilFree(free int, now time.Time) (wait time.Duration, ok bool) {
	probe, probes := g.untilProbe(free, now)
	turn, turns := g.untilTurn(free, now)
	switch {
	case probes && turns:
		return min(probe, turn), true
	case probes:
		return probe, true
	}
	return turn, turns
}

// untilTurn is how long until the next slot for a namespace whose calls are not paused.
func (g *gate) untilTurn(free int, now time.Time) (wait time.Duration, ok bool) {
	if g.outage != nil || !g.proven || g.suspicion.allPaused || !g.queue.hasTurns(g.hasRoom(free)) {
		return 0, false
	}
	return g.pace.untilFree(now), true
}

// hasRoom returns a function that reports whether a namespace may have one more call under way. If other namespaces
// have most of the calls, a namespace with few gets some extra places, so that hanging calls of one tenant do not keep
// the others waiting.
func (g *gate) hasRoom(free int) func(namespace string) bool {
	busy := g.calls + len(g.granted)
	return func(namespace string) bool {
		own, left := g.busy[namespace], g.most(free)-busy
		return busy < free || own < min(fewCalls, left) && 2*own < busy
	}
}

// most is how many calls may be under way, including the extra places of namespaces with few calls.
func (g *gate) most(free int) int {
	if free <= 0 {
		return 0
	}
	return free + g.extra
}

// release notes the end of a call, or that it was not made.
func (g *gate) release(s *Slot, now time.Time) {
	g.calls--
	g.probed(s.epoch)
	g.idle(s.origin.namespace, s.probe)
	if !s.made {
		g.unmade(s.probe, now)
	}
}

// report notes the outcome of a call: a failure, or nil.
func (g *gate) report(s *Slot, failure *logout.Error, now time.Time) {
	g.probed(s.epoch)
	stale := s.epoch != g.epoch
	switch g.evidence(s, failure, stale, now) {
	case answered:
		if !stale {
			g.throttles.answer(s.origin.namespace, now)
			if failure == nil { // a refusal does not show that the namespace is served
				g.blame.success(s.origin.namespace, now)
			}
			g.proven, g.toFix = true, time.Time{}
			// an answered namespace is probed first next time
			delete(g.lastProbe, origin{namespace: s.origin.namespace})
			g.resume(g.suspicion.answer(s.origin.namespace, now))
			g.reset()
			g.flow(now)
		}
	case suspicious:
		if !stale {
			g.suspect(s, false, failure, now)
		}
	case serviceFailed:
		if !stale || failure.RetryAfter > 0 {
			for failed := range g.blame.guess(now) { // its failed call counts as a probe
				g.lastProbe[origin{namespace: failed}] = now
			}
			g.trip(failure, stale, now)
		}
	}
}

// evidence is what the outcome of a call says about the service. A failure that the service has answered with, such as
// 503 or 429, counts against the namespace while others are served; but rejected credentials are everybody's.
func (g *gate) evidence(s *Slot, failure *logout.Error, stale bool, now time.Time) evidence {
	is := judge(failure)
	if !mayBeOnes(failure) {
		return is
	}
	if stale { // such a result is not counted
		if g.blame.servesOthers(s.origin.namespace, now) {
			return suspicious
		}
		return serviceFailed
	}
	all := g.blame.failure(s.origin.namespace, now)
	if failure.Reason == logout.Throttled {
		all = g.throttlesAll(s, all, now)
	}
	if all {
		return serviceFailed
	}
	return suspicious
}

// throttlesAll records a throttled call, changes the rate if that may help, and reports whether the service throttles
// everybody. all means that it seems to fail for everybody.
func (g *gate) throttlesAll(s *Slot, all bool, now time.Time) bool {
	is := g.throttles.throttle(s.origin.namespace, all, s.began, now, g.pace.perSecond(now))
	switch {
	case !g.proven || is == pausesAll || all && g.outage != nil:
		return true
	case g.pausesAll(): // a probe says nothing about the rate
	case is == slower:
		g.pace.slow(slowBy, now)
	case is == faster:
		g.pace.setRate(g.throttles.before, now)
		g.throttles.before = 0
	}
	return false
}

// cutOff notes that the object's own notAfter ended a call. That says little about the service and is not counted
// against it. But while calls are paused it was a probe, and it does not prolong the pause.
func (g *gate) cutOff(s *Slot, failure *logout.Error, now time.Time) {
	g.probed(s.epoch)
	if s.epoch == g.epoch {
		g.suspect(s, true, failure, now)
	}
}

// suspect notes a failure that may be the object's. alone means that notAfter cut off the call.
func (g *gate) suspect(s *Slot, alone bool, failure *logout.Error, now time.Time) {
	if c := g.outage; c != nil { // the failure that was certainly the service's is over
		g.reset()
		g.suspicion.share(c.Since, failure, now)
	}
	g.strike(s, alone, failure, now)
}

// strike counts a failure against the namespace, and pauses its calls if there were too many.
func (g *gate) strike(s *Slot, alone bool, failure *logout.Error, now time.Time) {
	namespace := s.origin.namespace
	if !g.suspicion.strike(namespace, s.failed, alone, g.proven, failure, now) {
		return
	}
	g.changed = true
	if g.suspicion.allPaused {
		g.stop(now)
	}
	for struck := range g.suspicion.withStrike { // a failed call counts as a probe
		g.lastProbe[origin{namespace: struck}] = now
	}
	g.lastProbe[origin{namespace: namespace}] = now
	if g.suspicion.suspects[namespace] != nil { // nothing would resume a namespace without a record
		g.queue.pause(namespace)
	}
	g.putBack(now, func(e *entry) bool { return !e.probe && g.suspicion.pauses(e.object.Namespace) })
}

// resume puts namespaces whose pause is over back in line for slots.
func (g *gate) resume(namespaces []string) {
	for _, namespace := range namespaces {
		g.queue.resume(namespace)
		g.changed = true
	}
}

// putBack cancels the selected objects' slots and returns each object to its place in the queue.
func (g *gate) putBack(now time.Time, which func(*entry) bool) {
	for _, p := range slices.Collect(maps.Values(g.granted)) {
		if !which(&p.value) {
			continue
		}
		delete(g.granted, p.value.object)
		g.idle(p.value.object.Namespace, p.value.probe)
		g.unmade(p.value.probe, now)
		g.queue.putBack(p, now)
		g.untold = append(g.untold, p)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// countWaiting notes when the first object began to wait and when the last one stopped.
func (g *gate) countWaiting(now time.Time) {
	switch waits := g.queue.len()+len(g.granted) > 0; {
	case waits && g.waitingSince.IsZero():
		g.waitingSince, g.changed = now, true
	case !waits && !g.waitingSince.IsZero():
		g.waitingSince, g.changed = time.Time{}, true
	}
}

func (g *gate) state(now time.Time) State {
	return State{PerSecond: g.pace.perSecond(now), Waiting: g.queue.len() + len(g.granted), WaitingSince: g.waitingSince,
		Calls: g.calls, Pause: g.stopped(now), Namespaces: g.suspicion.paused()}
}

// stopped returns the pause of all calls; nil if there is none, or if the state of the service is unknown by now.
func (g *gate) stopped(now time.Time) *Pause {
	switch c, s := g.outage, &g.suspicion; {
	case c != nil && !c.renewed && now.Before(c.Until.Add(PauseExpiry)):
		is := c.Pause
		return &is
	case c == nil && s.allPaused && now.Before(s.next.Add(PauseExpiry)):
		return &Pause{Reason: s.last.Reason, Message: summary(s.last), Since: s.since, Until: s.next}
	}
	return nil
}
