package gate

import (
	"math/rand/v2"
	"time"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// closure is why and how long a gate is closed.
type closure struct {
	Closure
	probing bool      // a probe has been called up or is under way
	renewed bool      // what was wrong may have been mended: nothing is known
	asked   time.Time // until when the service itself wants to be left alone
}

// restore takes over how another process has left the gate, until this one has
// had its first slot: a standby follows what the leader writes.
func (g *gate) restore(c *Closure, now time.Time) {
	if g.used {
		return
	}
	if g.closed = nil; c == nil {
		g.flow(now)
		return
	}
	restored := *c // by a clock that may have been ahead
	restored.Since = earlier(restored.Since, now)
	restored.Until = earlier(restored.Until, now.Add(logout.MaxRetryAfter))
	g.closed = &closure{Closure: restored}
	g.pace.pause(now)
	if restored.Reason.Class() == logout.RetrySlowly {
		g.toMend = restored.Since
	}
	if asked(restored.Reason) {
		g.closed.asked = restored.Until
	}
}

// renew notes what the calls are made with from now on. With other credentials
// or another address, what is known is out of date, and a single call will
// tell; but a service that has asked to be left alone is.
func (g *gate) renew(client logout.Provider, now time.Time) {
	if client == g.client {
		return
	}
	g.client, g.used = client, true
	g.epoch++
	g.proven, g.throttles = false, throttling{}
	if g.suspicion.pausesAny() {
		g.changed = true
	}
	for namespace := range g.suspicion.suspects {
		g.queue.resume(namespace)
	}
	g.suspicion = newSuspicion()
	g.flow(now)
	c := g.closed
	if c == nil {
		return
	}
	c.probing = len(g.called) > 0 // one that is under way will be no news
	if c.asked.Before(c.Until) {
		g.toMend = time.Time{}
		c.Since, c.Until = now, later(now, c.asked)
		c.renewed, g.changed = true, true
	}
}

// probed notes the end of a probe, if a call of this epoch was one.
func (g *gate) probed(epoch int) {
	if g.closed != nil && epoch == g.epoch {
		g.closed.probing = false
	}
}

// open ends what is known for certain to keep calls from being made.
func (g *gate) open() {
	if g.closed != nil {
		g.closed, g.changed = nil, true
	}
}

// pausesAll reports whether no calls are made but probes, of any namespace.
func (g *gate) pausesAll() bool { return g.closed != nil || g.suspicion.shared }

// flow has calls be made at the rate from before, if a pause of all is over.
func (g *gate) flow(now time.Time) {
	if g.pace.paused && !g.pausesAll() {
		g.pace.resume(now)
	}
}

// close keeps calls from being made, and lets a single one through later. stale
// is that the failure is that of a call from before an earlier closing.
func (g *gate) close(failure *logout.Error, stale bool, now time.Time) {
	if g.closed == nil {
		if failure.Reason == logout.Throttled && !stale && !g.pace.paused {
			g.pace.slow(slowByMost, now)
		}
		g.pace.pause(now)
		g.closed = &closure{Closure: Closure{Since: now}}
		if g.suspicion.shared { // nobody has been answered since
			g.closed.Since = g.suspicion.since
		}
	}
	c := g.closed
	lasts := now.Sub(c.Since)
	if failure.Class == logout.RetrySlowly { // which may be younger than the pause
		if g.toMend.IsZero() {
			g.toMend = now
		}
		lasts = now.Sub(g.toMend)
	}
	until := now.Add(pause(failure, lasts, rand.Float64())) //nolint:gosec // jitter, not a secret
	if asked(failure.Reason) || failure.RetryAfter > 0 {
		c.asked = later(c.asked, until)
	}
	if until.Before(c.Until) {
		return // the service has asked for longer
	}
	g.epoch++ // calls under way, even a probe, were made before this was known
	g.closed = &closure{Closure: Closure{Reason: failure.Reason, Message: summary(failure), Since: c.Since, Until: until}, asked: c.asked}
	g.changed = true
	g.putBack(now, func(*entry) bool { return true })
}
