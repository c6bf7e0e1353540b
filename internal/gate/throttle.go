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
	// trialThrottled calls are throttled in that time, a still lower rate is tried. If calls are still throttled at
	// lowestTrial of the rate from before the trial, three steps lower, the rate was not the cause. A trial ends when
	// the rate has recovered: without that memory, one tenant's 429s every thirteen seconds would lower it for ever.
	stepLasts, trialThrottled, lowestTrial = 12 * time.Second, 2, slowBy * slowBy * slowBy
	// rowOfAnswers is how many calls of a namespace must have been answered in a row, the last of them within recently,
	// so that the namespace counts as one that is always answered. If as many of the last calls were made for such
	// namespaces, 429s for a namespace that is never answered say nothing about the rate.
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

// throttling finds out whether a service throttles everybody who calls too often. That is so if most calls are
// throttled, and nobody is known to be served (blame). Otherwise a lower rate is tried. If calls are still throttled,
// the rate has nothing to do with it.
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
	throttled int       // throttled calls that began in this step
	before    float64   // the rate before the trial, in calls a second; 0 if there is none

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

// throttle records a throttled call of a namespace. all means that the service seems to fail for everybody. began is
// when the call began, rate the current rate in calls a second.
func (t *throttling) throttle(namespace string, all bool, began, now time.Time, rate float64) effect {
	t.note(namespace, true, now)
	ever := false // one of its calls was answered lately
	for i := range t.answered {
		if a := &t.answered[i]; a.namespace == namespace {
			a.inARow, ever = 0, now.Sub(a.at) <= lately
		}
	}
	throttled, most, steady := t.lately(now, rate)
	switch {
	case most && all:
		*t = throttling{last: t.last, next: t.next, answered: t.answered, before: t.before}
		return pausesAll
	case steady && !ever, now.Before(t.ignore):
		return none
	case now.Sub(t.began) > stepLasts:
		if throttled < someThrottled {
			return none
		}
		if rate >= t.before { // the last trial is over
			t.before = rate
		}
		return t.lower(rate, now)
	case began.Before(t.began):
		return none // the call says nothing about the lower rate
	}
	if t.throttled++; t.throttled < trialThrottled {
		return none
	}
	return t.lower(rate, now)
}

// lower begins the next step of a trial. If the rate would be lower than a trial may try, it ends the trial.
func (t *throttling) lower(rate float64, now time.Time) effect {
	const rounded = .999 // the rate is a product of floats
	if rate*slowBy >= rounded*lowestTrial*t.before {
		t.began, t.throttled = now, 0
		return slower
	}
	t.began = time.Time{}
	t.ignoreFor = min(max(2*t.ignoreFor, leastIgnored), mostIgnored)
	t.ignore = now.Add(t.ignoreFor)
	return faster
}

func (t *throttling) note(namespace string, throttled bool, now time.Time) {
	l := &t.last[t.next]
	l.at, l.namespace, l.throttled = now, namespace, throttled
	t.next = (t.next + 1) % len(t.last)
}

// lately returns how many of the last calls were throttled. most is set if at least half of them were, and they came
// from more than one namespace or from the only one that calls. If nothing is known of other namespaces, the throttled
// one stands for all. steady is set if some of the calls were answered for namespaces that are answered all the time.
// At a lower rate, older calls count, too.
func (t *throttling) lately(now time.Time, rate float64) (throttled int, most, steady bool) {
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
	return throttled, 2*throttled >= all && (shared || !one), inRows >= rowOfAnswers
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
