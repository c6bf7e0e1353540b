package gate

import (
	"math"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// tellAfter is how long an object waits until its status should say so. tellsPerLook is how many objects are told
	// at a time, so that their status writes do not slow down the calls.
	tellAfter    = 10 * time.Second
	tellsPerLook = 50
)

// untilProbe is how long until a probe may be made. Every call is a probe while nothing is known of the service.
func (g *gate) untilProbe(free int, now time.Time) (wait time.Duration, ok bool) {
	if g.calls+len(g.granted) >= g.most(free) || g.queue.len() == 0 {
		return 0, false
	}
	if c := g.outage; c != nil {
		return max(g.pace.untilFree(now), c.Until.Sub(now)), !c.probing
	}
	if g.proven && !g.suspicion.pausesAny() || g.probes >= mostProbes {
		return 0, false
	}
	for namespace, l := range g.queue.lines {
		at, may := g.mayProbe(namespace, now)
		if may && l.len() > 0 && (!ok || at < wait) {
			wait, ok = at, true
		}
	}
	return max(wait, g.pace.untilFree(now)), ok
}

// mayProbe is how long until a namespace may be probed. ok is false if its calls are not probes, or if one of them is
// under way.
func (g *gate) mayProbe(namespace string, now time.Time) (wait time.Duration, ok bool) {
	switch {
	case g.outage != nil:
		return 0, true
	case g.busy[namespace] > 0:
		return 0, false
	case g.suspicion.pauses(namespace):
		return g.suspicion.next.Sub(now), true
	}
	return 0, !g.proven
}

// pick removes the best probe from the queue. Probes are few, so pick can look at every waiting object of the
// namespace.
func (g *gate) pick(now time.Time) *place {
	namespace, ok := g.nextNamespace(now)
	if !ok {
		return nil
	}
	paused := g.outage == nil && g.suspicion.pauses(namespace)
	of := g.suspicion.suspects[namespace]
	var best *place
	l := g.queue.lines[namespace]
	for class := range l.waiting {
		for p := l.waiting[class].front; p != nil; p = p.next {
			if best == nil || g.better(&p.value, &best.value, paused && of != nil && of.newest, now) {
				best = p
			}
		}
	}
	g.queue.remove(best, now)
	if len(g.lastProbe) >= mostRemembered {
		clear(g.lastProbe)
	}
	g.lastProbe[best.value.origin()], g.lastProbe[origin{namespace: namespace}] = now, now
	if g.outage != nil {
		g.outage.probing = true
		return best
	}
	best.value.probe = true
	g.probes++
	if paused {
		if of != nil {
			of.newest = !of.newest
		}
		g.suspicion.probe(now)
	}
	return best
}

// nextNamespace returns the namespace to probe next: the one that was probed least recently. Namespaces that were never
// probed come first; among them, those that were served before the pause, and otherwise alternately the one with the
// newest object and the one with the oldest.
func (g *gate) nextNamespace(now time.Time) (next string, found bool) {
	var at time.Time
	number := 0
	const first = math.MaxInt / 2 // above all numbers of objects
	for namespace, l := range g.queue.lines {
		if wait, ok := g.mayProbe(namespace, now); !ok || wait > 0 || l.len() == 0 {
			continue
		}
		probed, candidate := g.lastProbe[origin{namespace: namespace}], l.newest()
		if !g.newest {
			candidate = -l.oldest()
		}
		if g.blame.serves(namespace, now) {
			candidate += first
		}
		if !found || probed.Before(at) || probed.Equal(at) && candidate > number {
			next, at, number, found = namespace, probed, candidate, true
		}
	}
	g.newest = !g.newest
	return next, found
}

// better reports whether a makes a better probe of its namespace than b. In this order it prefers an object that has
// time to be answered, one that has not failed, and one whose account was probed least recently. If none of these
// decides, it prefers the older object, or the newer one if newest is set.
func (g *gate) better(a, b *entry, newest bool, now time.Time) bool {
	if x, y := hurried(a, now), hurried(b, now); x != y {
		return y
	}
	if a.failed != b.failed {
		return b.failed
	}
	if x, y := g.lastProbe[a.origin()], g.lastProbe[b.origin()]; a.account != b.account && !x.Equal(y) {
		return x.Before(y)
	}
	return (a.number < b.number) != newest
}

func hurried(e *entry, now time.Time) bool {
	return e.expires != 0 && e.expires-now.UnixNano() < int64(probeRoom)
}

// unmade notes that a probe was not made after all, so that another one may begin at once.
func (g *gate) unmade(probe bool, now time.Time) {
	if probe {
		g.suspicion.next = earlier(g.suspicion.next, now)
	}
}

// look returns waiting objects that must be looked at although they have no slot: those that must be told that they
// wait, and those that have expired.
func (g *gate) look(now time.Time) (keys []types.NamespacedName) {
	g.resume(g.suspicion.forget(g.queue.has, now))
	g.flow(now)
	if len(g.untold) > 2*g.queue.len()+tellsPerLook { // most of them have left
		g.untold = slices.DeleteFunc(g.untold, func(p *place) bool { return p.in == nil || p.value.tell })
	}
	for told := 0; told < tellsPerLook && len(g.untold) > 0; {
		p := g.untold[0]
		if p.in != nil && now.UnixNano()-p.value.since < int64(tellAfter) {
			break
		}
		g.untold[0], g.untold = nil, g.untold[1:]
		if p.in != nil && !p.value.tell {
			p.value.tell = true
			keys = append(keys, p.value.object)
			told++
		}
	}
	for key, p := range g.queue.places {
		if e := &p.value; !e.shown && g.expired(e, now) {
			e.shown = true
			keys = append(keys, key)
		}
	}
	return keys
}

// expired reports whether an object has nothing left to wait for.
func (g *gate) expired(e *entry, now time.Time) bool {
	if e.expires != 0 && now.UnixNano() >= e.expires {
		return true
	}
	since := g.pausedSince(e.object.Namespace)
	return e.giveUp > 0 && !since.IsZero() && now.Sub(later(since, time.Unix(0, e.waitingSince))) >= e.giveUp
}

// pausedSince is since when the calls of a namespace have been paused; zero if it only waits for its turn.
func (g *gate) pausedSince(namespace string) time.Time {
	if g.outage != nil {
		return g.outage.Since
	}
	return g.suspicion.pausedSince(namespace)
}

// wait returns the answer to an object that has no slot.
func (g *gate) wait(p *place) Wait {
	w := Wait{ShowQueued: p.value.tell}
	namespace := p.value.object.Namespace
	switch s := &g.suspicion; {
	case g.outage != nil:
		is := g.outage.Pause
		w.Pause = &is
	case s.pauses(namespace):
		w.Pause = &Pause{Reason: s.last.Reason, Message: summary(s.last), Since: s.pausedSince(namespace),
			Until: s.next}
		w.NamespaceOnly = !s.allPaused
	}
	return w
}
