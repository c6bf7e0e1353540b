package gate

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/logout-operator/logout-operator/internal/logout"
)

var quick = Limit{PerSecond: 1000, Burst: 100}

func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name    string
		failure *logout.Error
		want    evidence
	}{
		{"success", nil, answered},
		{"refused for good", permanent, answered},
		{"refused for good, whatever else is said", providerWide(logout.Forbidden), answered},
		{"its own trouble", throttled, serviceFailed},
		{"somebody has to fix it", unauthorized, serviceFailed},
		{"one call failed", failing, suspicious},
		{"one call failed, with Retry-After", asking(failing, time.Second), serviceFailed},
		{"no such service", misdirected, suspicious},
	} {
		if got := judge(test.failure); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

func TestPause(t *testing.T) {
	almost := math.Nextafter(1, 0)
	for _, test := range []struct {
		name        string
		failure     *logout.Error
		lasted      time.Duration
		least, most time.Duration
	}{
		{"at first", throttled, 0, time.Second / 2, time.Second},
		{"as long again", throttled, 10 * time.Second, 5 * time.Second, 10 * time.Second},
		{"for long", throttled, time.Hour, 7500 * time.Millisecond, 15 * time.Second},
		{"one failed", failing, 10 * time.Second, 5 * time.Second, 10 * time.Second},
		{"to be fixed, at first", unauthorized, 0, 5 * time.Second, 10 * time.Second},
		{"to be fixed, as long again", misdirected, time.Minute, 30 * time.Second, time.Minute},
		{"to be fixed, for long", unauthorized, 24 * time.Hour, 150 * time.Second, 5 * time.Minute},
		{"clock set back", throttled, -time.Hour, time.Second / 2, time.Second},
		{"Retry-After", asking(throttled, 7*time.Second), time.Hour, 7 * time.Second, 7 * time.Second},
		{"Retry-After, short", asking(unauthorized, time.Millisecond), time.Hour, time.Second, time.Second},
	} {
		least, most := pause(test.failure, test.lasted, 0), pause(test.failure, test.lasted, almost)
		if least != test.least || most > test.most || most < test.most-time.Millisecond {
			t.Errorf("%s: %s to %s, want %s to %s", test.name, least, most, test.least, test.most)
		}
	}
}

// TestRetryAfter checks that calls are paused for exactly as long as the service asks for, but at least a second. Then
// one call may be made, and its outcome decides.
func TestRetryAfter(t *testing.T) {
	for _, failure := range []*logout.Error{throttled, unavailable, unreachable, unauthorized} {
		for retryAfter, want := range map[time.Duration]time.Duration{
			time.Millisecond:     time.Second,
			time.Second:          time.Second,
			7 * time.Second:      7 * time.Second,
			logout.MaxRetryAfter: logout.MaxRetryAfter,
		} {
			k := keepProven(t, quick)
			k.mustEnter(t, "n/trouble").end(asking(failure, retryAfter))
			k.mustBeClosed(t, failure.Reason, want)
			k.mustWait(t, "n/1", "n/2", "n/3")
			k.pass(want - 1)
			k.mustCallUp(t)
			k.mustWait(t, "n/4")
			k.pass(1)
			k.mustCallUp(t, "n/1")
			k.mustWait(t, "n/5")
			probe := k.mustEnter(t, "n/1")
			k.pass(time.Minute) // the answer is slow
			k.mustCallUp(t)

			probe.end(asking(failure, 2*time.Second))
			k.mustBeClosed(t, failure.Reason, 2*time.Second)
			k.pass(2*time.Second - 1)
			k.mustCallUp(t)
			k.pass(1)
			k.mustCallUp(t, "n/2")

			k.mustEnter(t, "n/2").end(nil)
			k.mustBeOpen(t)
			k.pass(time.Second)
			k.mustCallUp(t, "n/3", "n/4", "n/5")
		}
	}
}

// TestPausesGrow checks the pauses when probe after probe fails, each made as soon as possible.
func TestPausesGrow(t *testing.T) {
	type bounds struct{ least, most float64 } // seconds
	for _, test := range []struct {
		failure *logout.Error
		want    [8]bounds
	}{
		{unavailable, [8]bounds{{.5, 1}, {.5, 1}, {.5, 2}, {.75, 4}, {1.125, 8}, {1.6875, 16}, {2.53125, 30},
			{3.796875, 30}}},
		{unauthorized, [8]bounds{{5, 10}, {5, 10}, {5, 20}, {7.5, 40}, {11.25, 80}, {16.875, 160}, {25.3125, 300},
			{37.96875, 300}}},
	} {
		for range 200 { // the pauses are random
			k := keep(quick, nil)
			for i, want := range test.want {
				k.mustEnter(t, "n/probe").end(test.failure)
				pause := k.state(k.now).Pause.Until.Sub(k.now)
				if s := pause.Seconds(); s < want.least || s > want.most {
					t.Fatalf("%s: pause %d is %s, want %v s", test.failure.Reason, i+1, pause, want)
				}
				k.pass(pause - 1)
				k.mustWait(t, "n/probe")
				k.leave("n/probe")
				k.pass(1)
			}
			if since := k.state(k.now).Pause.Since; since != begin {
				t.Fatalf("closed since %s, want %s", since, begin)
			}
		}
	}
}

// TestStale checks that the result of a call that began before the pause is ignored, unless the service asks for a
// longer pause.
func TestStale(t *testing.T) {
	for _, test := range []struct {
		name    string
		failure *logout.Error
		want    time.Duration // how much of the pause is left; without the call, 5 s
	}{
		{"success", nil, 5 * time.Second},
		{"permanent", permanent, 5 * time.Second},
		{"suspicious", failing, 5 * time.Second},
		{"throttled", throttled, 5 * time.Second},
		{"unauthorized", unauthorized, 5 * time.Second},
		{"throttled, asks for less", asking(throttled, 2*time.Second), 5 * time.Second},
		{"throttled, asks for more", asking(throttled, time.Minute), time.Minute},
	} {
		k := keepProven(t, quick)
		early, late := k.mustEnter(t, "n/early"), k.mustEnter(t, "n/late")
		early.end(asking(throttled, 10*time.Second))
		k.pass(5 * time.Second)
		for range firstThreshold {
			late.report(test.failure)
		}
		late.release()
		if c := k.state(k.now).Pause; c == nil || c.Until.Sub(k.now) != test.want {
			t.Errorf("%s: %+v, want it closed for %s", test.name, c, test.want)
		}
	}
}

// TestStaleAfterOpening checks that such a result does not pause calls again after a probe has succeeded.
func TestStaleAfterOpening(t *testing.T) {
	for _, test := range []struct {
		name    string
		failure *logout.Error
		closes  bool
	}{
		{"suspicious", failing, false},
		{"throttled", throttled, false},
		{"unauthorized", unauthorized, false},
		{"throttled, with Retry-After", asking(throttled, time.Minute), true},
		{"suspicious, with Retry-After", asking(failing, time.Minute), true},
	} {
		k := keepProven(t, quick)
		early, late := k.mustEnter(t, "n/early"), k.mustEnter(t, "n/late")
		early.end(asking(throttled, time.Second))
		k.pass(time.Second)
		k.mustEnter(t, "n/probe").end(nil)
		rate := k.state(k.now).PerSecond
		for range firstThreshold {
			late.report(test.failure)
		}
		late.release()
		if c := k.state(k.now).Pause; (c != nil) != test.closes {
			t.Errorf("%s: closed %+v", test.name, c)
		}
		if got := k.state(k.now).PerSecond; got != rate {
			t.Errorf("%s: slowed from %v to %v", test.name, rate, got)
		}
	}
}

func TestSuspicion(t *testing.T) {
	for _, test := range []struct {
		name     string
		proven   bool
		again    bool // the objects have failed before
		outcomes []*logout.Error
		pauses   bool // the last failure begins a pause
	}{
		{"two of a proven service", true, false, []*logout.Error{failing, failing}, false},
		{"three", true, false, []*logout.Error{failing, misdirected, failing}, true},
		{"an answer in between", true, false, []*logout.Error{failing, failing, nil, failing, failing}, false},
		{"a permanent failure is an answer", true, false, []*logout.Error{failing, failing, permanent, failing,
			failing}, false},
		{"three after an answer", true, false, []*logout.Error{failing, nil, failing, failing, failing}, true},
		{"permanent failures only", true, false, []*logout.Error{permanent, permanent, permanent, permanent}, false},
		{"one of an unproven service", false, false, []*logout.Error{failing}, true},
		{"proven by a permanent failure", false, false, []*logout.Error{permanent, failing, failing}, false},
		{"again and again", true, true, slices.Repeat([]*logout.Error{failing}, againWeighs*firstThreshold-1), false},
		{"again, too often", true, true, slices.Repeat([]*logout.Error{failing}, againWeighs*firstThreshold), true},
		{"again, of an unproven service", false, true, []*logout.Error{failing}, true},
	} {
		k := keep(quick, nil)
		if test.proven {
			k = keepProven(t, quick)
		}
		for i, failure := range test.outcomes {
			if k.suspicion.pauses("n") {
				t.Fatalf("%s: paused after %d", test.name, i)
			}
			s := k.apply(Applicant{Object: object("n/" + strconv.Itoa(i)), Failed: test.again})
			k.pass(time.Second)
			s.end(failure)
		}
		if k.suspicion.pauses("n") != test.pauses || k.suspicion.pauses("other") != (test.pauses && !test.proven) {
			t.Errorf("%s: paused %t, others %t", test.name, k.suspicion.pauses("n"), k.suspicion.pauses("other"))
		}
		if stopped := k.state(k.now).Pause != nil; stopped != (test.pauses && !test.proven) {
			t.Errorf("%s: stopped %t", test.name, stopped)
		}
	}
}

// TestSharedSuspicion checks that failures of several namespaces, with no answer in between, count as the service's
// fault.
func TestSharedSuspicion(t *testing.T) {
	for _, test := range []struct {
		name   string
		calls  string // the namespaces of the calls, in order; in upper case if the service answers
		again  bool   // the objects have failed before
		closed bool
	}{
		{"two namespaces", "abab", false, false},
		{"three", "abc", false, true},
		{"an answer to one of them", "abCc", false, false},
		{"an answer to another", "abDc", false, false},
		{"objects that have failed before", "abc", true, false},
	} {
		k := keepProven(t, quick)
		for i, namespace := range test.calls {
			name := strings.ToLower(string(namespace))
			s := k.apply(Applicant{Object: object(name + "/" + strconv.Itoa(i)), Failed: test.again})
			if unicode.IsUpper(namespace) {
				s.end(nil)
			} else {
				s.end(failing)
			}
		}
		if c := k.state(k.now).Pause; (c != nil) != test.closed || test.closed && !k.suspicion.pauses("z") {
			t.Errorf("%s: closed %+v", test.name, c)
		}
	}
}

// TestSuspicionIsBounded checks that the memory for namespaces and accounts does not grow with names that tenants
// invent, and that they are forgotten when they make no calls.
func TestSuspicionIsBounded(t *testing.T) {
	k := keepProven(t, quick)
	for i := range 3 * mostRemembered {
		name := "n" + strconv.Itoa(i) + "/"
		for j := range firstThreshold {
			k.pass(time.Second)
			k.apply(Applicant{Object: object(name + strconv.Itoa(j)), Account: "a" + strconv.Itoa(i)}).end(failing)
			k.mustEnter(t, "good/0").end(nil)
		}
	}
	if s := &k.suspicion; len(s.suspects) > mostRemembered || len(k.lastProbe) > mostRemembered+2 ||
		len(s.withStrike) > lastThreshold {
		t.Errorf("%d namespaces, %d probes, %d struck", len(s.suspects), len(k.lastProbe), len(s.withStrike))
	}
	if k.suspicion.paused() != mostRemembered {
		t.Errorf("%d namespaces are paused", k.suspicion.paused())
	}
	k.pass(remembered)
	k.look(k.now)
	if s := &k.suspicion; len(s.suspects) != 0 || s.pausesAny() || len(k.queue.paused) != 0 {
		t.Errorf("%d namespaces are remembered, %d paused in the queue", len(s.suspects), len(k.queue.paused))
	}
}

// TestUnrecorded checks that a pause of all calls ends also for a namespace of which there is no record, because so many
// others are paused.
func TestUnrecorded(t *testing.T) {
	k := keepProven(t, quick)
	for i := range mostRemembered {
		name := "bad" + strconv.Itoa(i)
		k.suspicion.suspects[name] = &suspect{most: firstThreshold, since: k.now, heard: k.now}
		k.queue.pause(name)
	}
	k.suspicion.last, k.suspicion.since = failing, k.now
	for i := range blameThreshold {
		k.pass(time.Second)
		k.mustEnter(t, "victim"+strconv.Itoa(i)+"/0").end(failing)
	}
	last := "victim" + strconv.Itoa(blameThreshold-1)
	k.mustWait(t, last+"/1")
	k.pass(time.Minute)
	k.mustCallUp(t, last+"/1")
	k.mustEnter(t, last+"/1").end(nil)
	k.pass(time.Second)
	k.mustEnter(t, last+"/2")
}

// TestPauseIsNotToldInTheServicesWords checks that a pause, which everybody sees, does not quote the service's message,
// which may be about one user.
func TestPauseIsNotToldInTheServicesWords(t *testing.T) {
	for _, test := range []struct {
		failure logout.Error
		want    string
	}{
		{logout.Error{Reason: logout.ServiceUnavailable, HTTPStatusCode: 503, Message: "jane's shard moves"},
			"the service answered HTTP 503"},
		{logout.Error{Reason: logout.Throttled, HTTPStatusCode: 429, Code: "SlowDown", Message: "jane"},
			"the service answered HTTP 429, SlowDown"},
		{logout.Error{Reason: logout.Throttled, HTTPStatusCode: 429, Code: "jane-1", Message: "no"},
			"the service answered HTTP 429"},
		{logout.Error{Reason: logout.Unauthorized, HTTPStatusCode: 403, Code: "u@x",
			Message: "rejected (HTTP 403, u@x)", Words: "jane has no role"}, "rejected (HTTP 403)"},
		{logout.Error{Reason: logout.EndpointUnreachable, Message: "connection refused"}, "connection refused"},
	} {
		failure := test.failure
		failure.ProviderWide = true
		k := closedBy(t, &failure)
		if c := k.state(k.now).Pause; c == nil || c.Message != test.want {
			t.Errorf("told as %+v, want %q", c, test.want)
		}
	}
}

// TestFarNotAfter checks that a time that does not fit into nanoseconds counts as never.
func TestFarNotAfter(t *testing.T) {
	k := closedBy(t, throttled)
	k.apply(Applicant{Object: object("n/far"), Expires: time.Date(2999, 12, 31, 0, 0, 0, 0, time.UTC)})
	k.pass(time.Second)
	if e := &k.queue.places[object("n/far")].value; hurried(e, k.now) || k.expired(e, k.now) {
		t.Error("it has expired")
	}
}
