package gate

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

const (
	// slowBy is what a throttling leaves of the rate: gentle, because the
	// service's own burst makes up for the calls not made in a pause, and the
	// next throttling slows it further.
	slowBy = 0.7
	// recovery is how much faster the rate gets with every second after that:
	// a rate that was halved is back in 35 s, and one beyond the service's is
	// noticed about as seldom.
	recovery = 1.02
	// slowest rate, in calls a second.
	slowest = 0.1
)

// Limit of one provider: a token bucket.
type Limit struct {
	// PerSecond is the rate at which slots become free, at most.
	PerSecond float64
	// Burst is how many slots may be free at once.
	Burst int
}

// pace is a token bucket that a service can slow down.
type pace struct {
	limit  Limit
	bucket *rate.Limiter
	slowed float64   // the rate it was slowed to, in calls a second; 0 if never
	since  time.Time // when calls went on at that rate
	paused bool      // no calls are made, so nothing is learnt about the rate
}

func newPace(limit Limit) pace {
	return pace{limit: limit, bucket: rate.NewLimiter(rate.Limit(limit.PerSecond), limit.Burst)}
}

// perSecond is the rate at the time now.
func (p *pace) perSecond(now time.Time) float64 {
	if p.slowed == 0 {
		return p.limit.PerSecond
	}
	if p.paused {
		return min(p.limit.PerSecond, p.slowed)
	}
	return min(p.limit.PerSecond, p.slowed*math.Pow(recovery, max(0, now.Sub(p.since).Seconds())))
}

// set takes over a limit that may have been changed.
func (p *pace) set(limit Limit, now time.Time) {
	if limit.Burst != p.limit.Burst {
		p.bucket.SetBurstAt(now, limit.Burst)
	}
	p.limit = limit
}

// untilFree is how long it takes until a slot is free; 0 if one is.
func (p *pace) untilFree(now time.Time) time.Duration {
	p.bucket.SetLimitAt(now, rate.Limit(p.perSecond(now)))
	missing := 1 - p.bucket.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(missing / p.perSecond(now) * float64(time.Second)))
}

// take uses the slot that is free.
func (p *pace) take(now time.Time) { p.bucket.AllowN(now, 1) }

// slow notes that the service finds the rate too high.
func (p *pace) slow(now time.Time) {
	p.slowed, p.since = max(slowest, slowBy*p.perSecond(now)), now
}

// pause keeps the rate as it is.
func (p *pace) pause(now time.Time) {
	if p.slowed != 0 && !p.paused {
		p.slowed = p.perSecond(now)
	}
	p.paused = true
}

// resume goes on after a pause, in which nothing may have been saved up for a
// burst.
func (p *pace) resume(now time.Time) {
	p.since, p.paused = now, false
	if saved := int(p.bucket.TokensAt(now)); saved > 0 {
		p.bucket.AllowN(now, saved)
	}
}
