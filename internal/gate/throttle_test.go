package gate

import (
	"strings"
	"testing"
	"time"
)

// TestThrottling checks whom a service is taken to throttle after a history of calls.
func TestThrottling(t *testing.T) {
	const many = "................" // calls that were not throttled
	for _, test := range []struct {
		name   string
		every  time.Duration // time between two answers
		before string        // . is a call of one namespace, o of another; T and O if it was throttled
		last   string
		want   effect
	}{
		{"nothing is known of others", time.Second, "", "T", pausesAll},
		{"nothing for a minute", 2 * time.Minute, many, "T", pausesAll},
		{"one other", time.Second, ".", "T", pausesAll},
		{"one of another namespace", time.Second, "o", "T", none},
		{"the first among many", time.Second, many, "T", none},
		{"the second among many", time.Second, many + "T..", "T", slower},
		{"most, of the only namespace", 10 * time.Millisecond, many + "TTTTTTT", "T", pausesAll},
		{"most, of one of two namespaces", 10 * time.Millisecond, many + "oTTTTTTT", "T", faster},
		{"most, of both", 10 * time.Millisecond, many + "oTTTTTTO", "T", pausesAll},
		{"the first at a lower rate", time.Second, many + "T.T..", "T", none},
		{"the second at a lower rate", time.Second, many + "T.T..T.", "T", slower},
		{"at the lowest rate", time.Second, many + "T.T..T..T..T..T..T..", "T", faster},
		{"once that is known", time.Second, many + "T.T..T..T..T..T..T..T..", "T", none},
		{"after it had helped", 2 * time.Second, many + "T.T..........", "T", slower},
	} {
		now, rate := begin, 10.0
		var (
			is throttling
			by blame
		)
		meet := func(call rune) effect {
			now = now.Add(test.every)
			namespace := map[bool]string{true: "other", false: "one"}[strings.ContainsRune("oO", call)]
			if strings.ContainsRune("TO", call) {
				all := by.failure(namespace, now)
				does := is.throttle(namespace, all, now, now, rate)
				switch does {
				case slower:
					rate *= slowBy
				case faster:
					rate = is.before
				}
				return does
			}
			by.success(namespace, now)
			is.answer(namespace, now)
			return none
		}
		for _, call := range test.before {
			meet(call)
		}
		if got := meet(rune(test.last[0])); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

// TestThrottledBeforeTheTrial checks that a call that began before the rate was lowered says nothing about the lower
// rate.
func TestThrottledBeforeTheTrial(t *testing.T) {
	var is throttling
	for range 20 {
		is.answer("n", begin)
	}
	is.throttle("n", true, begin, begin, 10)
	if got := is.throttle("n", true, begin, begin, 10); got != slower {
		t.Fatal(got)
	}
	for range 5 {
		if got := is.throttle("n", true, begin.Add(-time.Millisecond), begin.Add(time.Millisecond), 7); got != none {
			t.Fatal(got)
		}
	}
}

// TestResumeLeavesNoFraction checks that slots and calls begin from the same level after a pause. At a slow rate, a
// lead of half a call would delay every later call by seconds.
func TestResumeLeavesNoFraction(t *testing.T) {
	p := newPace(Limit{PerSecond: 10, Burst: 5})
	p.setRate(slowest, begin)
	for range 5 {
		p.take(begin)
		p.call(begin)
	}
	p.take(begin)
	later := begin.Add(12 * time.Second)
	p.adjust(later)
	p.pause(later)
	p.resume(later)
	if slots, calls := p.slotTokens.TokensAt(later), p.callTokens.TokensAt(later); slots != 0 || calls != 0 {
		t.Errorf("%f slots and %f calls after a pause", slots, calls)
	}
}
