package gate

import (
	"slices"
	"time"
)

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
	// rowOfAnswers of one namespace, one after the other and the last of them within
	// recently, are no accident where half of all calls are throttled: that is of the
	// others, not of everybody.
	rowOfAnswers, recently = 4, 20 * time.Second
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
	answered [64]answers

	began     time.Time // of the last step of a trial; zero if it showed that it does not help
	step      int       // 1 for the first
	throttled int       // calls that began in it
	before    float64   // the rate before the trial, in calls a second

	ignore    time.Time // until when throttled calls are nothing new
	ignoreFor time.Duration
}

// answers are a namespace's calls that were not throttled.
type answers struct {
	at        time.Time // of the last
	namespace string
	inARow    int
}

// answer takes in that a call of a namespace was not throttled.
func (t *throttling) answer(namespace string, now time.Time) {
	t.note(namespace, false, now)
	of := answers{now, namespace, 1}
	i := slices.IndexFunc(t.answered[:], func(a answers) bool { return a.namespace == namespace })
	if i >= 0 {
		of.inARow += t.answered[i].inARow
	} else {
		i = len(t.answered) - 1
	}
	copy(t.answered[1:i+1], t.answered[:i])
	t.answered[0] = of
}

// throttle takes in that a call of a namespace was throttled, which began at a
// time, while the rate is this many calls a second.
func (t *throttling) throttle(namespace string, began, now time.Time, rate float64) effect {
	t.note(namespace, true, now)
	ever := false // lately, was one of its calls answered
	for i := range t.answered {
		if a := &t.answered[i]; a.namespace == namespace {
			a.inARow, ever = 0, now.Sub(a.at) <= lately
		}
	}
	throttled, most, others := t.lately(now, rate)
	switch {
	case others && !ever:
		return none
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
// stands for all. It is not everybody if some of these calls were answered, of others
// that are answered all the time. The slower the calls are, the longer ago is lately.
func (t *throttling) lately(now time.Time, rate float64) (throttled int, most, others bool) {
	few := time.Duration(float64(len(t.last)) / rate * float64(time.Second)) // is how long these calls take
	all, inRows, one, shared, first := 0, 0, false, false, ""
	for _, a := range t.last {
		switch {
		case a.at.IsZero() || now.Sub(a.at) > max(lately, few):
			continue
		case a.throttled:
			throttled++
			shared = shared || first != "" && first != a.namespace
			first = a.namespace
		case t.inARow(a.namespace, now.Add(-max(recently, few))) >= rowOfAnswers:
			inRows++
		}
		all++
	}
	for _, a := range t.answered {
		one = one || !a.at.IsZero() && now.Sub(a.at) <= lately && a.namespace != first
	}
	others = inRows >= rowOfAnswers
	return throttled, !others && 2*throttled >= all && (shared || !one), others
}

// inARow is how many calls of a namespace were answered in a row, if the last was
// after a time.
func (t *throttling) inARow(namespace string, after time.Time) int {
	for _, a := range t.answered {
		if a.namespace == namespace && a.at.After(after) {
			return a.inARow
		}
	}
	return 0
}
