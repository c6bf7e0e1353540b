package gate

import (
	"slices"
	"time"
)

const (
	// lately is how long an answer says something about the next calls.
	lately = time.Minute
	// someThrottled is how many of the last calls must be throttled before a lower rate is tried. A single one can
	// happen to anybody.
	someThrottled = 2
	// stepLasts is how long a lower rate is tried: until it is nearly back to what it was, by slowBy and recovery. If
	// trialThrottled calls are throttled in that time, a still lower rate is tried. After trialSteps steps the rate was
	// not the cause.
	stepLasts, trialThrottled, trialSteps = 12 * time.Second, 2, 3
	// rowOfAnswers is how many calls of a namespace must have been answered in a row, the last of them within recently,
	// so that the namespace counts as one that is always answered. If as many of the last calls were made for such
	// namespaces, the service does not throttle everybody, even if half of all calls are throttled.
	rowOfAnswers, recently = 4, 20 * time.Second
	// leastIgnored and mostIgnored bound how long throttled calls do not lower the rate after a trial that did not
	// help. The time doubles with each such trial.
	leastIgnored, mostIgnored = 30 * time.Second, 10 * time.Minute
)

// effect is what a throttled call does to other calls.
type effect int

const (
	none      effect = iota // only this user or account is throttled
	slower                  // the rate may be too high
	faster                  // the rate was not the cause: return to the earlier rate
	pausesAll               // the service throttles everybody
)

// throttling finds out whom a service throttles: everybody who calls too often, or one user, account or tenant. If most
// calls are throttled, and not only those of one namespace, it is everybody. Otherwise a lower rate is tried. If calls
// are still throttled, the rate has nothing to do with it.
type throttling struct {
	last [16]struct {
		at        time.Time
		namespace string
		throttled bool
	}
	next int
	// answered holds the namespaces whose calls were not throttled, the most recent first, so that many calls of one
	// tenant cannot push out the answers to others.
	answered [64]answers

	began     time.Time // when the last step of a trial began; zero if the trial showed that a lower rate does not help
	step      int       // number of the step, from 1
	throttled int       // throttled calls that began in this step
	before    float64   // the rate before the trial, in calls a second

	ignore    time.Time // throttled calls do not start a trial before this time
	ignoreFor time.Duration
}

// answers counts a namespace's calls that were not throttled.
type answers struct {
	at        time.Time // of the last one
	namespace string
	inARow    int
}

// answer records a call of a namespace that was not throttled.
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

// throttle records a throttled call of a namespace. began is when the call began, rate the current rate in calls a
// second.
func (t *throttling) throttle(namespace string, began, now time.Time, rate float64) effect {
	t.note(namespace, true, now)
	ever := false // one of its calls was answered lately
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
		return none // the call says nothing about the lower rate
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

// lately returns how many of the last calls were throttled. most is set if the service throttles everybody: at least
// half of the calls were throttled, and they came from more than one namespace or from the only one that calls. If
// nothing is known of other namespaces, the throttled one stands for all. others is set if some of the calls were
// answered for namespaces that are answered all the time; then the service does not throttle everybody. At a lower
// rate, older calls count, too.
func (t *throttling) lately(now time.Time, rate float64) (throttled int, most, others bool) {
	few := time.Duration(float64(len(t.last)) / rate * float64(time.Second)) // how long this many calls take
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

// inARow is how many calls of a namespace were answered in a row; 0 if the last one was before the given time.
func (t *throttling) inARow(namespace string, after time.Time) int {
	for _, a := range t.answered {
		if a.namespace == namespace && a.at.After(after) {
			return a.inARow
		}
	}
	return 0
}
