package gate

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

const (
	// slowBy is what a throttled call leaves of the rate: gentle, because the next
	// one slows it further; slowByMost where most calls are throttled.
	slowBy, slowByMost = 0.7, 0.5
	// recovery is how much faster the rate gets with every second after that:
	// a rate that was halved is back in 35 s, and one beyond the service's is
	// noticed about as seldom.
	recovery = 1.02
	// longestTurn is how long a call may have to wait for its turn before no
	// more slots are handed out: longer than a claim takes on a busy machine, or
	// the calls in line would be over before there are more.
	longestTurn = time.Second
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

// pace is a token bucket that a service can slow down, twice: slots are handed
// out at its rate, and calls are made at it, because what comes between the two,
// the claim, takes now one time and now another, and calls would come in bunches.
type pace struct {
	limit  Limit
	slots  *rate.Limiter
	calls  *rate.Limiter
	slowed float64   // the rate it was slowed to, in calls a second; 0 if never
	since  time.Time // when calls went on at that rate
	paused bool      // no calls are made, so nothing is learnt about the rate
}

func newPace(limit Limit) pace { return pace{limit: limit, slots: full(limit), calls: full(limit)} }

func full(limit Limit) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(limit.PerSecond), limit.Burst)
}

// empty is a bucket without what was saved up, and without what calls that wait for
// their turn owe.
func empty(limit Limit, now time.Time) *rate.Limiter {
	bucket := full(limit)
	bucket.AllowN(now, limit.Burst)
	return bucket
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

// set takes over a limit that may have been changed. At a lower one, calls that wait
// for their turn by the one before would be owed for too long.
func (p *pace) set(limit Limit, now time.Time) {
	if limit.PerSecond < p.limit.PerSecond && p.calls.TokensAt(now) < 0 {
		p.calls = empty(limit, now)
	}
	if limit.Burst != p.limit.Burst {
		p.slots.SetBurstAt(now, limit.Burst)
		p.calls.SetBurstAt(now, limit.Burst)
	}
	p.limit = limit
}

// untilFree is how long it takes until a slot is free; 0 if one is. None is while
// calls wait too long for their turn.
func (p *pace) untilFree(now time.Time) time.Duration {
	p.adjust(now)
	perSecond := p.perSecond(now)
	missing := max(1-p.slots.TokensAt(now), -p.calls.TokensAt(now)-perSecond*longestTurn.Seconds())
	if missing <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(missing / perSecond * float64(time.Second)))
}

// take uses the slot that is free.
func (p *pace) take(now time.Time) { p.slots.AllowN(now, 1) }

// call is how long a call that is ready has to wait for its turn, which it has
// then taken.
func (p *pace) call(now time.Time) time.Duration {
	p.adjust(now)
	return p.calls.ReserveN(now, 1).DelayFrom(now)
}

// adjust has both buckets fill at the rate of the moment.
func (p *pace) adjust(now time.Time) {
	p.slots.SetLimitAt(now, rate.Limit(p.perSecond(now)))
	p.calls.SetLimitAt(now, rate.Limit(p.perSecond(now)))
}

// slow notes that the service finds the rate too high.
func (p *pace) slow(by float64, now time.Time) {
	p.slowed, p.since = max(slowest, by*p.perSecond(now)), now
}

// at goes on at a rate, in calls a second.
func (p *pace) at(perSecond float64, now time.Time) { p.slowed, p.since = perSecond, now }

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
	p.slots, p.calls = empty(p.limit, now), empty(p.limit, now)
}
