package gate

import "time"

const (
	// lately is for how long an answer says something about the next ones.
	lately = time.Minute
	// trialCalls is for how many calls a lower rate is tried, trialLasts for how
	// long at most: until it is nearly back to what it was, by slowBy and recovery.
	// It did not help if trialThrottled of them are throttled all the same.
	trialCalls, trialLasts, trialThrottled = 64, 12 * time.Second, 2
	// leastIgnored and mostIgnored bound for how long throttled calls do not slow
	// the others after a trial in which that did not help; it doubles each time.
	leastIgnored, mostIgnored = 30 * time.Second, 10 * time.Minute
)

// effect is what a throttled call does to the others.
type effect int

const (
	none      effect = iota // it was throttled for its user or account
	slower                  // the rate may be too high
	faster                  // it was not the rate: back to what it was
	pausesAll               // the service wants to be left alone
)

// throttling tells whom a service throttles: everybody who calls too often, or
// one user or account. Where most calls are throttled it is everybody. Else a
// lower rate is tried: if there are throttled calls all the same, the rate has
// nothing to do with them.
type throttling struct {
	last [16]struct {
		at        time.Time
		throttled bool
	}
	next int

	began            time.Time // of the last trial; zero if it showed that it does not help
	calls, throttled int       // in it
	before           float64   // the rate before the trials, in calls a second

	ignore    time.Time // until when throttled calls are nothing new
	ignoreFor time.Duration
}

// answer takes in that a call was not throttled.
func (t *throttling) answer(now time.Time) {
	t.note(false, now)
	t.calls++
}

// throttle takes in that a call which began at a time was throttled, while the
// rate is this many calls a second.
func (t *throttling) throttle(began, now time.Time, rate float64) effect {
	t.note(true, now)
	switch {
	case t.most(now):
		*t = throttling{last: t.last, next: t.next}
		return pausesAll
	case now.Before(t.ignore):
		return none
	case t.calls >= trialCalls || now.Sub(t.began) > trialLasts:
		if t.before == 0 || now.Sub(t.began) > lately {
			t.before = rate
		}
		t.began, t.calls, t.throttled = now, 0, 0
		return slower
	case began.Before(t.began):
		return none // it says nothing about the lower rate
	}
	t.calls++
	if t.throttled++; t.throttled < trialThrottled {
		return none
	}
	t.began = time.Time{}
	t.ignoreFor = min(max(2*t.ignoreFor, leastIgnored), mostIgnored)
	t.ignore = now.Add(t.ignoreFor)
	return faster
}

func (t *throttling) note(throttled bool, now time.Time) {
	t.last[t.next].at, t.last[t.next].throttled = now, throttled
	t.next = (t.next + 1) % len(t.last)
}

// most reports whether at least half of the last calls were throttled. Where
// nothing is known of others, the one that was stands for all.
func (t *throttling) most(now time.Time) bool {
	throttled, all := 0, 0
	for _, a := range t.last {
		if a.at.IsZero() || now.Sub(a.at) > lately {
			continue
		}
		all++
		if a.throttled {
			throttled++
		}
	}
	return 2*throttled >= all
}
