package gate

import (
	"testing"
	"time"
)

// TestThrottling: whom a service throttles, by what became of the calls before.
func TestThrottling(t *testing.T) {
	const ok, throttled = false, true
	repeat := func(n int, answers ...bool) (all []bool) {
		for range n {
			all = append(all, answers...)
		}
		return all
	}
	for _, test := range []struct {
		name   string
		every  time.Duration // between two answers
		before []bool
		want   effect // of one more that is throttled
	}{
		{"nothing is known of others", time.Second, nil, pausesAll},
		{"nothing for a minute", 2 * time.Minute, repeat(20, ok), pausesAll},
		{"one other", time.Second, repeat(1, ok), pausesAll},
		{"the first among many", time.Second, repeat(20, ok), slower},
		{"most of the last", 10 * time.Millisecond, append(repeat(20, ok), repeat(7, throttled)...), pausesAll},
		{"the second at a lower rate", time.Second, append(repeat(20, ok), throttled, ok), none},
		{"the third at a lower rate", time.Second, append(repeat(20, ok), throttled, ok, throttled, ok), faster},
		{"once that is known", time.Second, append(repeat(20, ok), throttled, ok, throttled, ok, throttled, ok, ok), none},
		{"after many that were not", time.Millisecond, append(append(repeat(20, ok), throttled), repeat(trialCalls, ok)...), slower},
		{"after a while", 2 * time.Second, append(append(repeat(20, ok), throttled), repeat(8, ok)...), slower},
	} {
		now := begin
		var is throttling
		for _, answer := range test.before {
			if now = now.Add(test.every); answer == throttled {
				is.throttle(now, now, 10)
			} else {
				is.answer(now)
			}
		}
		now = now.Add(test.every)
		if got := is.throttle(now, now, 10); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

// TestThrottledBeforeTheTrial: a call that began before the rate was lowered says
// nothing about the lower rate.
func TestThrottledBeforeTheTrial(t *testing.T) {
	var is throttling
	for range 20 {
		is.answer(begin)
	}
	if got := is.throttle(begin, begin, 10); got != slower {
		t.Fatal(got)
	}
	for range 5 {
		if got := is.throttle(begin.Add(-time.Millisecond), begin.Add(time.Millisecond), 7); got != none {
			t.Fatal(got)
		}
	}
}
