package gate

import "time"

const (
	// lately is for how long an answer says something about the next ones.
	lately = time.Minute
	// someThrottled of the last calls have to be throttled until a lower rate is
	// tried: one may be anybody's.
	someThrottled = 2
	// stepLasts is how long a lower rate is tried: until it is nearly back to what it
	// was, by slowBy and recovery. If trialThrottled calls are throttled all the same,
	// a still lower one is tried; after trialSteps it was not the rate.
	stepLasts, trialThrottled, trialSteps = 12 * time.Second, 2, 3
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
// one user, account or tenant. Where most calls are throttled, and not those of
// one namespace alone, it is everybody. Else a lower rate is tried: if there are
// throttled calls all the same, the rate has nothing to do with them.
type throttling struct {
	last [16]struct {
		at        time.Time
		namespace string
		throttled bool
	}
	next int
	// answered are the namespaces whose calls were not throttled, the last one first:
	// one tenant's calls cannot have it forgotten that others are answered.
	answered [2]struct {
		at        time.Time
		namespace string
	}

	began     time.Time // of the last step of a trial; zero if it showed that it does not help
	step      int       // 1 for the first
	throttled int       // calls that began in it
	before    float64   // the rate before the trial, in calls a second

	ignore    time.Time // until when throttled calls are nothing new
	ignoreFor time.Duration
}

// answer takes in that a call of a namespace was not throttled.
func (t *throttling) answer(namespace string, now time.Time) {
	t.note(namespace, false, now)
	if t.answered[0].namespace != namespace {
		t.answered[1] = t.answered[0]
	}
	t.answered[0].at, t.answered[0].namespace = now, namespace
}

// throttle takes in that a call of a namespace was throttled, which began at a
// time, while the rate is this many calls a second.
func (t *throttling) throttle(namespace string, began, now time.Time, rate float64) effect {
	t.note(namespace, true, now)
	throttled, most := t.lately(now)
	switch {
	case most:
		*t = throttling{last: t.last, next: t.next, answered: t.answered}
		return pausesAll
	case now.Before(t.ignore):
		return none
	case now.Sub(t.began) > stepLasts:
		if throttled < someThrottled {
			return none
		}
		t.before = rate
		return t.lower(1, now)
	case began.Before(t.began):
		return none // it says nothing about the lower rate
	}
	if t.throttled++; t.throttled < trialThrottled {
		return none
	}
	if t.step < trialSteps {
		return t.lower(t.step+1, now)
	}
	t.began = time.Time{}
	t.ignoreFor = min(max(2*t.ignoreFor, leastIgnored), mostIgnored)
	t.ignore = now.Add(t.ignoreFor)
	return faster
}

func (t *throttling) lower(step int, now time.Time) effect {
	t.began, t.step, t.throttled = now, step, 0
	return slower
}

func (t *throttling) note(namespace string, throttled bool, now time.Time) {
	l := &t.last[t.next]
	l.at, l.namespace, l.throttled = now, namespace, throttled
	t.next = (t.next + 1) % len(t.last)
}

// lately is how many of the last calls were throttled, and whether the service
// throttles everybody: at least half of them, of more than one namespace, or of the
// only one that calls. Where nothing is known of others, the one that was throttled
// stands for all.
func (t *throttling) lately(now time.Time) (throttled int, most bool) {
	all, others, shared, first := 0, false, false, ""
	for _, a := range t.last {
		if a.at.IsZero() || now.Sub(a.at) > lately {
			continue
		}
		all++
		if a.throttled {
			throttled++
			if first != "" && first != a.namespace {
				shared = true
			}
			first = a.namespace
		}
	}
	for _, a := range t.answered {
		others = others || !a.at.IsZero() && now.Sub(a.at) <= lately && a.namespace != first
	}
	return throttled, 2*throttled >= all && (shared || !others)
}
