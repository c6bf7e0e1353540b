package gate

import (
	"maps"
	"math/rand/v2"
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
	called       map[types.NamespacedName]entry
	calls        int       // under way
	waitingSince time.Time // since when the queue has not been empty
	told         time.Time // when the last object that came is to be told that it waits

	client  logout.Provider // the one the calls are made with
	epoch   int             // what is heard of calls from an earlier epoch is no news
	proven  bool            // a call with this client has been answered: until then one is made at a time
	strikes int             // suspicious failures in a row
	closed  *closure        // nil: open

	changed bool // there is something new to tell
}

// closure is why and how long a gate is closed.
type closure struct {
	Closure
	probing bool      // a probe has been called up or is under way
	renewed bool      // what was wrong may have been mended: nothing is known
	asked   time.Time // until when the service itself wants to be left alone
}

func newGate(limit Limit, client logout.Provider, restored *Closure) *gate {
	g := &gate{pace: newPace(limit), queue: newQueue(), called: map[types.NamespacedName]entry{}, client: client, strikes: maxStrikes - 1}
	if restored != nil {
		g.closed = &closure{Closure: *restored}
		if asked(restored.Reason) {
			g.closed.asked = restored.Until
		}
	}
	return g
}

// renew notes what the calls are made with from now on. With other credentials
// or another address, what is known is out of date, and a single call will
// tell; but a service that has asked to be left alone is.
func (g *gate) renew(client logout.Provider, now time.Time) {
	if client == g.client {
		return
	}
	g.client = client
	g.epoch++
	g.proven, g.strikes = false, maxStrikes-1
	c := g.closed
	if c == nil {
		return
	}
	c.probing = len(g.called) > 0 // one that is under way will be no news
	if c.asked.Before(c.Until) {
		c.Since, c.Until = now, later(now, c.asked)
		c.renewed, g.changed = true, true
	}
}

// enter asks for a slot. An object that has been called up has it, early if it
// had a head start; another one gets it only if nobody waits, and else waits.
func (g *gate) enter(key types.NamespacedName, in lane, free int, now time.Time) (early, ok bool) {
	e, called := g.called[key]
	switch {
	case called:
		delete(g.called, key)
		g.countWaiting(now)
	case g.queue.has(key):
		return false, false
	case g.queue.len() > 0 || !g.take(free, now):
		g.queue.push(key, in, g.tellNext(now), now)
		g.countWaiting(now)
		return false, false
	}
	g.calls++
	return e.early, true
}

// tellNext is when to tell one more object that it waits, if it still does then:
// not for a short wait, and not all that came together at once.
func (g *gate) tellNext(now time.Time) time.Time {
	g.told = g.told.Add(tellSpacing)
	if first := now.Add(tellAfter); g.told.Before(first) {
		g.told = first
	}
	return g.told
}

// callUp takes a slot, if one is free, for the object whose turn it is.
func (g *gate) callUp(free int, now time.Time) (key types.NamespacedName, ok bool) {
	if g.queue.len() == 0 || !g.take(free, now) {
		return key, false
	}
	e, _ := g.queue.pop(now)
	g.called[e.key] = e
	g.countWaiting(now)
	return e.key, true
}

// leave takes out an object that wants no slot any more, or not yet.
func (g *gate) leave(key types.NamespacedName, now time.Time) {
	g.queue.remove(key, now)
	if _, called := g.called[key]; called {
		delete(g.called, key)
		g.probed(g.epoch)
	}
	g.countWaiting(now)
}

// take uses a slot if one is free.
func (g *gate) take(free int, now time.Time) bool {
	if wait, ok := g.untilFree(free, now); !ok || wait > 0 {
		return false
	}
	g.pace.take(now)
	if g.closed != nil {
		g.closed.probing = true
	}
	return true
}

// untilFree is how long it takes until a slot is free, or not ok if it takes an
// event: the end of a call. free is how many calls there is room for.
func (g *gate) untilFree(free int, now time.Time) (wait time.Duration, ok bool) {
	busy := g.calls + len(g.called)
	if busy >= free || busy > 0 && !g.proven || g.closed != nil && g.closed.probing {
		return 0, false
	}
	wait = g.pace.untilFree(now)
	if g.closed != nil {
		wait = max(wait, g.closed.Until.Sub(now))
	}
	return wait, true
}

// expected is when an object that waits will have its slot, as things are.
func (g *gate) expected(key types.NamespacedName, now time.Time) time.Time {
	if g.closed != nil && g.closed.Until.After(now) {
		now = g.closed.Until
	}
	turns := float64(1 + g.queue.ahead(key))
	return now.Add(time.Duration(turns / g.pace.perSecond(now) * float64(time.Second)))
}

// release notes the end of a call, or that it was not made.
func (g *gate) release(epoch int) {
	g.calls--
	g.probed(epoch)
}

// report notes what came of a call: a failure, or none.
func (g *gate) report(epoch int, failure *logout.Error, now time.Time) {
	g.probed(epoch)
	stale := epoch != g.epoch
	switch judge(failure) {
	case answered:
		if !stale {
			g.proven, g.strikes = true, 0
			g.open(now)
		}
	case suspicious:
		if stale {
			return
		}
		if g.strikes++; g.strikes >= maxStrikes || g.closed != nil {
			g.close(failure, stale, now)
		}
	case troubled:
		if !stale || failure.RetryAfter > 0 {
			g.close(failure, stale, now)
		}
	}
}

// probed notes the end of a probe, if a call of this epoch was one.
func (g *gate) probed(epoch int) {
	if g.closed != nil && epoch == g.epoch {
		g.closed.probing = false
	}
}

// open lets calls be made at the provider's rate.
func (g *gate) open(now time.Time) {
	if g.closed == nil {
		return
	}
	g.closed, g.changed = nil, true
	g.pace.resume(now)
}

// close keeps calls from being made, and lets a single one through later. stale
// is that the failure is that of a call from before an earlier closing.
func (g *gate) close(failure *logout.Error, stale bool, now time.Time) {
	if g.closed == nil {
		if failure.Reason == logout.Throttled && !stale {
			g.pace.slow(now)
		}
		g.pace.pause(now)
		g.closed = &closure{Closure: Closure{Since: now}}
	}
	c := g.closed
	until := now.Add(pause(failure, now.Sub(c.Since), rand.Float64())) //nolint:gosec // jitter, not a secret
	if asked(failure.Reason) || failure.RetryAfter > 0 {
		c.asked = later(c.asked, until)
	}
	if until.Before(c.Until) {
		return // the service has asked for longer
	}
	g.epoch++ // calls under way, even a probe, were made before this was known
	g.closed = &closure{Closure: Closure{Reason: failure.Reason, Message: failure.Message, Since: c.Since, Until: until}, asked: c.asked}
	g.changed = true
	again := slices.SortedFunc(maps.Values(g.called), func(a, b entry) int { return b.number - a.number })
	for _, e := range again { // it will be their turn again, the first of a lane last put to the front
		g.queue.putBack(e, now)
	}
	clear(g.called)
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
	s := State{PerSecond: g.pace.perSecond(now), Waiting: g.queue.len() + len(g.called), WaitingSince: g.waitingSince, Calls: g.calls}
	if c := g.closed; c != nil && !c.renewed && now.Before(c.Until.Add(Unprobed)) {
		s.Closed = &Closure{}
		*s.Closed = c.Closure
	}
	return s
}
