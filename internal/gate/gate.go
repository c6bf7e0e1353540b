package gate

import (
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// gate of one provider. It knows no clock and no lock.
type gate struct {
	pace  pace
	queue queue
	turns turns
	// called are the objects that have been called up to take their slot and
	// have not come yet.
	called       map[types.NamespacedName]*place
	calls        int            // under way
	busy         map[string]int // calls under way and objects called up, by namespace
	waitingSince time.Time      // since when the queue has not been empty
	untold       []*place       // who is to be told that it waits, in the order in which they came

	client    logout.Client // the one the calls are made with
	epoch     int           // what is heard of calls from an earlier epoch is no news
	proven    bool          // a call with this client has been answered: until then few are made
	extra     int           // how many calls more there may be of namespaces with few under way
	probes    int           // under way, or called up, while others call
	used      bool          // there was a slot or another client: what an earlier process has left is out of date
	outage    *outage       // why nobody calls, by what is known of the service; nil while calls flow
	suspicion suspicion     // who does not call, by what is not known for sure
	throttles throttling
	lastProbe map[origin]time.Time // when which namespace and account was probed last
	toFix     time.Time            // since when somebody has had to fix something; zero for never since the last answer
	newest    bool                 // of namespaces that were never probed, the one to which somebody came last is next, not first

	changed bool // there is something new to tell
}

func newGate(limit Limit, client logout.Client) *gate {
	return &gate{pace: newPace(limit), queue: newQueue(), called: map[types.NamespacedName]*place{},
		busy: map[string]int{}, client: client, suspicion: newSuspicion(), lastProbe: map[origin]time.Time{}}
}

// enter asks for a slot. An object that has been called up has it; another one
// gets it only if nobody waits, and else waits.
func (g *gate) enter(a Applicant, of sort, free int, now time.Time) (p *place, ok bool) {
	if c := g.outage; c != nil && g.waitingSince.IsZero() && now.After(c.Until.Add(Unprobed)) {
		c.Since, g.toFix = now, time.Time{} // nothing has been known since
	}
	if p = g.queue.places[a.Object]; p != nil {
		p.value.update(a)
		g.queue.resort(p, of)
		return p, false
	}
	if p = g.called[a.Object]; p != nil {
		delete(g.called, a.Object)
	} else if p = g.queue.push(a, of, now); g.queue.len() > 1 || g.next(free, now) == nil {
		g.untold = append(g.untold, p)
		g.countWaiting(now)
		return p, false
	}
	g.countWaiting(now)
	g.calls++
	return p, true
}

// callUp takes a slot, if one is free, for the object whose turn it is.
func (g *gate) callUp(free int, now time.Time) (key types.NamespacedName, ok bool) {
	p := g.next(free, now)
	if p == nil {
		return key, false
	}
	g.called[p.value.object] = p
	g.countWaiting(now)
	return p.value.object, true
}

// next takes the object out of the queue that has a slot now, and the slot; nil
// if nobody has one.
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

// leave takes out an object that wants no slot any more, or not yet.
func (g *gate) leave(key types.NamespacedName, now time.Time) {
	if p := g.queue.places[key]; p != nil {
		g.queue.remove(p, now)
	}
	if p := g.called[key]; p != nil {
		delete(g.called, key)
		g.probed(g.epoch)
		g.idle(key.Namespace, p.value.probe)
		g.unmade(p.value.probe, now)
	}
	g.countWaiting(now)
}

// idle notes the end of a call, or of an object's being called up for one.
func (g *gate) idle(namespace string, probe bool) {
	if probe {
		g.probes--
	}
	if g.busy[namespace]--; g.busy[namespace] <= 0 {
		delete(g.busy, namespace)
	}
}

// untilFree is how long it takes until somebody can have a slot, or not ok if it
// takes an event: the end of a call, or that somebody comes. free is how many
// calls there is room for.
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

// untilTurn is how long until the next of those has a slot whose calls flow.
func (g *gate) untilTurn(free int, now time.Time) (wait time.Duration, ok bool) {
	if g.outage != nil || !g.proven || g.suspicion.shared || !g.queue.hasTurns(g.hasRoom(free)) {
		return 0, false
	}
	return g.pace.untilFree(now), true
}

// hasRoom tells whether one more call of a namespace may be under way. Where most
// of the calls are others', a namespace with few has some places more: calls of
// one tenant that hang do not keep the others waiting.
func (g *gate) hasRoom(free int) func(namespace string) bool {
	busy := g.calls + len(g.called)
	return func(namespace string) bool {
		own := g.busy[namespace]
		return busy < free || own < fewCalls && 2*own < busy && busy < g.most(free)
	}
}

// most is how many calls there may be, those of namespaces with few among them.
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

// report notes what came of a call: a failure, or none.
func (g *gate) report(s *Slot, failure *logout.Error, now time.Time) {
	g.probed(s.epoch)
	stale := s.epoch != g.epoch
	switch {
	case stale:
	case judge(failure) == answered:
		g.throttles.answer(s.origin.namespace, now)
	case failure.Reason == logout.Throttled && g.outage == nil && g.throttled(s, now):
		return
	}
	switch judge(failure) {
	case answered:
		if !stale {
			g.proven, g.toFix = true, time.Time{}
			delete(g.lastProbe, origin{namespace: s.origin.namespace}) // the first to be probed the next time
			g.resume(g.suspicion.answer(s.origin.namespace, now))
			g.reset()
			g.flow(now)
		}
	case suspicious:
		if stale {
			return
		}
		if c := g.outage; c != nil { // the trouble is over that was certainly the service's
			g.reset()
			g.suspicion.share(c.Since, failure, now)
		}
		g.strike(s, false, failure, now)
	case troubled:
		if !stale || failure.RetryAfter > 0 {
			g.trip(failure, stale, now)
		}
	}
}

// throttled takes in that a call was throttled, and reports whether that concerns
// its object alone, which waits by itself.
func (g *gate) throttled(s *Slot, now time.Time) bool {
	rate := g.pace.perSecond(now)
	is := g.throttles.throttle(s.origin.namespace, s.began, now, rate)
	if !g.proven || is == pausesAll {
		return false
	}
	switch is {
	case slower:
		g.pace.slow(slowBy, now)
	case faster:
		g.pace.at(g.throttles.before, now)
	}
	return true
}

// cutOff notes that a call was ended by the object's own notAfter. That says
// little of the service, and nothing against it; but while calls are paused it
// was a call, after which the next probe waits as after any other.
func (g *gate) cutOff(s *Slot, failure *logout.Error, now time.Time) {
	g.probed(s.epoch)
	switch {
	case s.epoch != g.epoch:
	case g.outage != nil:
		again := *failure
		again.Reason, again.Message, again.RetryAfter = g.outage.Reason, g.outage.Message, 0
		g.trip(&again, false, now)
	default:
		g.strike(s, true, failure, now)
	}
}

// strike holds a failure against the namespace, and pauses its calls if it was
// one too many.
func (g *gate) strike(s *Slot, alone bool, failure *logout.Error, now time.Time) {
	namespace := s.origin.namespace
	if !g.suspicion.strike(namespace, s.failed, alone, g.proven, failure, now) {
		return
	}
	g.changed = true
	if g.suspicion.shared {
		g.pace.pause(now)
	}
	for struck := range g.suspicion.struck { // what has failed was as good as a probe
		g.lastProbe[origin{namespace: struck}] = now
	}
	g.lastProbe[origin{namespace: namespace}] = now
	g.queue.pause(namespace)
	g.putBack(now, func(e *entry) bool { return !e.probe && g.suspicion.pauses(e.object.Namespace) })
}

// resume gives namespaces whose pause is over their turns again.
func (g *gate) resume(namespaces []string) {
	for _, namespace := range namespaces {
		g.queue.resume(namespace)
		g.changed = true
	}
}

// putBack has those wait again who have been called up in vain, each where it was.
func (g *gate) putBack(now time.Time, which func(*entry) bool) {
	for _, p := range slices.Collect(maps.Values(g.called)) {
		if !which(&p.value) {
			continue
		}
		delete(g.called, p.value.object)
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

// countWaiting notes since when somebody has been waiting.
func (g *gate) countWaiting(now time.Time) {
	switch waits := g.queue.len()+len(g.called) > 0; {
	case waits && g.waitingSince.IsZero():
		g.waitingSince, g.changed = now, true
	case !waits && !g.waitingSince.IsZero():
		g.waitingSince, g.changed = time.Time{}, true
	}
}

func (g *gate) state(now time.Time) State {
	return State{PerSecond: g.pace.perSecond(now), Waiting: g.queue.len() + len(g.called), WaitingSince: g.waitingSince, Calls: g.calls,
		Pause: g.stopped(now), Namespaces: g.suspicion.paused()}
}

// stopped is why nobody calls; nil if somebody does, or if nothing is known for
// certain any more.
func (g *gate) stopped(now time.Time) *Pause {
	switch c, s := g.outage, &g.suspicion; {
	case c != nil && !c.renewed && now.Before(c.Until.Add(Unprobed)):
		is := c.Pause
		return &is
	case c == nil && s.shared && now.Before(s.next.Add(Unprobed)):
		return &Pause{Reason: s.last.Reason, Message: summary(s.last), Since: s.since, Until: s.next}
	}
	return nil
}
