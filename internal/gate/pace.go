package gate

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

const (
	// slowBy is the factor by which a throttled call lowers the rate. It is gentle, because the next throttled call
	// lowers the rate further. slowByMost is the factor if most calls are throttled.
	slowBy, slowByMost = 0.7, 0.5
	// recovery is the factor by which a lowered rate rises every second. A halved rate has recovered after 35 s. If the
	// configured rate is too high for the service, it is throttled again only about that often.
	recovery = 1.02
	// maxCallDelay is how long a call may have to wait for its turn before the gate stops giving out slots. It is longer
	// than a claim takes on a busy machine; otherwise the line of calls would be empty before new ones arrive.
	maxCallDelay = time.Second
	// slowest is the lowest rate, in calls a second.
	slowest = 0.1
)

// Limit is the token bucket of one provider.
type Limit struct {
	// PerSecond is the highest rate at which slots become free.
	PerSecond float64
	// Burst is how many slots may be free at once.
	Burst int
}

// pace is a pair of adaptive token buckets: one for slots and one for calls, at the same rate, which throttling lowers.
// Between a slot and its call, the claim takes a varying time, so without the second bucket calls would arrive in
// bursts.
type pace struct {
	limit      Limit
	slotTokens *rate.Limiter
	callTokens *rate.Limiter
	slowed     float64   // the lowered rate, in calls a second; 0 if the rate is not lowered
	since      time.Time // when the rate began to rise again
	paused     bool      // calls are paused, so the rate does not rise
}

func newPace(limit Limit) pace {
	return pace{limit: limit, slotTokens: full(limit), callTokens: full(limit)}
}

func full(limit Limit) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(limit.PerSecond), limit.Burst)
}

// empty returns a bucket without saved tokens and without debt from calls that wait for their turn.
func empty(limit Limit, now time.Time) *rate.Limiter {
	bucket := full(limit)
	bucket.AllowN(now, limit.Burst)
	return bucket
}

// perSecond is the current rate, in calls a second.
func (p *pace) perSecond(now time.Time) float64 {
	if p.slowed == 0 {
		return p.limit.PerSecond
	}
	if p.paused {
		return min(p.limit.PerSecond, p.slowed)
	}
	return min(p.limit.PerSecond, p.slowed*math.Pow(recovery, max(0, now.Sub(p.since).Seconds())))
}

// set applies a limit that may have changed. If the limit is lower, calls that wait for their turn at the earlier rate
// would leave a debt that takes too long to pay off.
func (p *pace) set(limit Limit, now time.Time) {
	if limit.PerSecond < p.limit.PerSecond && p.callTokens.TokensAt(now) < 0 {
		p.callTokens = empty(limit, now)
	}
	if limit.Burst != p.limit.Burst {
		p.slotTokens.SetBurstAt(now, limit.Burst)
		p.callTokens.SetBurstAt(now, limit.Burst)
	}
	p.limit = limit
}

// untilFree is how long until a slot is free; 0 if one is free now. No slot is free while calls wait too long for their
// turn.
func (p *pace) untilFree(now time.Time) time.Duration {
	p.adjust(now)
	perSecond := p.perSecond(now)
	missing := max(1-p.slotTokens.TokensAt(now), -p.callTokens.TokensAt(now)-perSecond*maxCallDelay.Seconds())
	if missing <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(missing / perSecond * float64(time.Second)))
}

// take uses up a free slot.
func (p *pace) take(now time.Time) { p.slotTokens.AllowN(now, 1) }

// call reserves a turn for a call that is ready, and returns how long the call has to wait for it.
func (p *pace) call(now time.Time) time.Duration {
	p.adjust(now)
	return p.callTokens.ReserveN(now, 1).DelayFrom(now)
}

// adjust makes both buckets fill at the current rate.
func (p *pace) adjust(now time.Time) {
	p.slotTokens.SetLimitAt(now, rate.Limit(p.perSecond(now)))
	p.callTokens.SetLimitAt(now, rate.Limit(p.perSecond(now)))
}

// slow lowers the rate by a factor, because the service finds it too high.
func (p *pace) slow(by float64, now time.Time) {
	p.slowed, p.since = max(slowest, by*p.perSecond(now)), now
}

// setRate sets the rate, in calls a second.
func (p *pace) setRate(perSecond float64, now time.Time) { p.slowed, p.since = perSecond, now }

// pause keeps the rate as it is.
func (p *pace) pause(now time.Time) {
	if p.slowed != 0 && !p.paused {
		p.slowed = p.perSecond(now)
	}
	p.paused = true
}

// resume ends a pause. No tokens saved up during the pause may cause a burst.
func (p *pace) resume(now time.Time) {
	p.since, p.paused = now, false
	p.slotTokens, p.callTokens = empty(p.limit, now), empty(p.limit, now)
}
