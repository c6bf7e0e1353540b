package gate

import (
	"math/rand/v2"
	"time"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// outage is a pause of all calls, and what the breaker knows of it.
type outage struct {
	Pause
	probing    bool      // a probe has been called up or is under way
	renewed    bool      // what was wrong may have been fixed: nothing is known
	askedUntil time.Time // until when the service itself wants to be left alone
}

// restore takes over how another process has left the gate, until this one has
// had its first slot: a standby follows what the leader writes.
func (g *gate) restore(c *Pause, now time.Time) {
	if g.used {
		return
	}
	if g.outage = nil; c == nil {
		g.flow(now)
		return
	}
	restored := *c // by a clock that may have been ahead
	restored.Since = earlier(restored.Since, now)
	restored.Until = earlier(restored.Until, now.Add(logout.MaxRetryAfter))
	g.outage = &outage{Pause: restored}
	g.pace.pause(now)
	if restored.Reason.Class() == logout.RetrySlowly {
		g.toFix = restored.Since
	}
	if asksForLess(restored.Reason) {
		g.outage.askedUntil = restored.Until
	}
}

// renew notes what the calls are made with from now on. With other credentials
// or another address, what is known is out of date, and a single call will
// tell; but a service that has asked to be left alone is.
func (g *gate) renew(client logout.Client, now time.Time) {
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
	c := g.outage
	if c == nil {
		return
	}
	c.probing = len(g.called) > 0 // one that is under way will be no news
	if c.askedUntil.Before(c.Until) {
		g.toFix = time.Time{}
		c.Since, c.Until = now, later(now, c.askedUntil)
		c.renewed, g.changed = true, true
	}
}

// probed notes the end of a probe, if a call of this epoch was one.
func (g *gate) probed(epoch int) {
	if g.outage != nil && epoch == g.epoch {
		g.outage.probing = false
	}
}

// reset ends the outage. Calls may be paused by a shared suspicion all the same.
func (g *gate) reset() {
	if g.outage != nil {
		g.outage, g.changed = nil, true
	}
}

// pausesAll reports whether no calls are made but probes, of any namespace.
func (g *gate) pausesAll() bool { return g.outage != nil || g.suspicion.shared }

// flow has calls be made at the rate from before, if a pause of all is over.
func (g *gate) flow(now time.Time) {
	if g.pace.paused && !g.pausesAll() {
		g.pace.resume(now)
	}
}

// trip pauses all calls, or prolongs their pause, until a single one is let through
// as the probe. stale is that the call that failed is from before an earlier trip.
func (g *gate) trip(failure *logout.Error, stale bool, now time.Time) {
	if g.outage == nil {
		if failure.Reason == logout.Throttled && !stale && !g.pace.paused {
			g.pace.slow(slowByMost, now)
		}
		g.pace.pause(now)
		g.outage = &outage{Pause: Pause{Since: now}}
		if g.suspicion.shared { // nobody has been answered since
			g.outage.Since = g.suspicion.since
		}
	}
	c := g.outage
	lasts := now.Sub(c.Since)
	if failure.Reason.Class() == logout.RetrySlowly { // which may be younger than the pause
		if g.toFix.IsZero() {
			g.toFix = now
		}
		lasts = now.Sub(g.toFix)
	}
	until := now.Add(pause(failure, lasts, rand.Float64())) //nolint:gosec // jitter, not a secret
	if asksForLess(failure.Reason) || failure.RetryAfter > 0 {
		c.askedUntil = later(c.askedUntil, until)
	}
	if until.Before(c.Until) {
		return // the service has asked for longer
	}
	g.epoch++ // calls under way, even a probe, were made before this was known
	g.outage = &outage{Pause: Pause{Reason: failure.Reason, Message: summary(failure), Since: c.Since, Until: until}, askedUntil: c.askedUntil}
	g.changed = true
	g.putBack(now, func(*entry) bool { return true })
}
