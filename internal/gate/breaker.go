package gate

import (
	"math/rand/v2"
	"time"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// outage is a pause of all calls, with the state that the circuit breaker needs.
type outage struct {
	Pause
	probing    bool      // a probe has been called up or is under way
	renewed    bool      // the cause may have been fixed: the state of the service is unknown
	askedUntil time.Time // the service itself asked for no calls before this time
}

// restore takes over the pause that another process left in the provider's status. It does so until this process has
// had its first slot, because a standby follows what the leader writes.
func (g *gate) restore(c *Pause, now time.Time) {
	if g.used {
		return
	}
	// What was true of the service long ago is unknown by now.
	if g.outage = nil; c == nil || now.After(c.Until.Add(PauseExpiry)) {
		g.flow(now)
		return
	}
	restored := *c // the other process's clock may have been ahead
	restored.Since = earlier(restored.Since, now)
	restored.Until = earlier(restored.Until, now.Add(logout.MaxRetryAfter))
	g.outage = &outage{Pause: restored}
	g.stop(now)
	if restored.Reason.Class() == logout.RetrySlowly {
		g.toFix = restored.Since
	}
	if asksForLess(restored.Reason) {
		g.outage.askedUntil = restored.Until
	}
}

// renew notes the client for the next calls. With other credentials or another address, earlier results say nothing,
// and one call finds out whether the service works. But if the service has asked for a pause, that pause still holds.
func (g *gate) renew(client logout.Client, now time.Time) {
	if client == g.client {
		return
	}
	g.client, g.used = client, true
	g.epoch++
	g.proven, g.throttles, g.blame = false, throttling{}, blame{}
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
	c.probing = len(g.granted) > 0 // the result of a probe under way will be ignored, as it is from an earlier epoch
	if c.askedUntil.Before(c.Until) {
		g.toFix = time.Time{}
		c.Since, c.Until = now, later(now, c.askedUntil)
		c.renewed, g.changed = true, true
	}
}

// probed notes the end of a probe, if the call belongs to the current epoch.
func (g *gate) probed(epoch int) {
	if g.outage != nil && epoch == g.epoch {
		g.outage.probing = false
	}
}

// reset ends the outage. A shared suspicion may still pause all calls.
func (g *gate) reset() {
	if g.outage != nil {
		g.outage, g.changed = nil, true
	}
}

// pausesAll reports whether calls are paused for all namespaces, so that only probes are made.
func (g *gate) pausesAll() bool { return g.outage != nil || g.suspicion.allPaused }

// stop notes that all calls are paused.
func (g *gate) stop(now time.Time) {
	g.pace.pause(now)
	g.blame.clock.stop(now)
}

// flow resumes calls at the rate from before the pause, if no pause of all calls is left.
func (g *gate) flow(now time.Time) {
	if g.pace.paused && !g.pausesAll() {
		g.pace.resume(now)
		g.blame.clock.start(now)
	}
}

// trip opens the circuit breaker: it pauses all calls, or prolongs their pause, until one call may be made as the
// probe. stale means that the failed call began before an earlier trip.
func (g *gate) trip(failure *logout.Error, stale bool, now time.Time) {
	if g.outage == nil {
		if failure.Reason == logout.Throttled && !stale && !g.pace.paused {
			g.pace.slow(slowByMost, now)
		}
		g.stop(now)
		g.outage = &outage{Pause: Pause{Since: now}}
		if g.suspicion.allPaused { // no call has succeeded since
			g.outage.Since = g.suspicion.since
		}
	}
	c := g.outage
	lasts := now.Sub(c.Since)
	if failure.Reason.Class() == logout.RetrySlowly { // such a failure may have begun later than the pause
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
		return // the current pause lasts longer, for example because the service asked for it
	}
	g.epoch++ // calls under way, even a probe, began before this failure was known
	g.outage = &outage{Pause: Pause{Reason: failure.Reason, Message: summary(failure), Since: c.Since, Until: until},
		askedUntil: c.askedUntil}
	g.changed = true
	g.putBack(now, func(*entry) bool { return true })
}
