package overload

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/arrivals"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// TestPace: a provider whose rate is the service's uses nearly all of it, with hardly any rejected call. In the small
// form there is none: the service accepts a second's worth of calls at once, which is more than the burst and the calls
// in flight.
func TestPace(t *testing.T) {
	for _, tc := range []drain{
		{name: "without Retry-After", inFull: true},
		{name: "with Retry-After", retryAfter: time.Second},
		{name: "SIGKILL", retryAfter: time.Second, end: sigkill},
		{name: "SIGTERM", retryAfter: time.Second, end: sigterm},
	} {
		tc.service, tc.n = suite.Either(20, 100), suite.Either(80, 10_000)
		tc.provider, tc.ideals, tc.refused = limit{perSecond: tc.service, burst: 5}, 1.15, suite.Either(0, 0.01)
		tc.share, tc.kept = true, true
		t.Run(tc.name, tc.run)
	}
}

// TestTooFast: a provider whose rate is far above the service's adapts to it, with a bounded number of rejected calls.
// In the small form the service's rate is below that of any machine.
func TestTooFast(t *testing.T) {
	for _, tc := range []drain{
		{name: "without Retry-After", inFull: true},
		{name: "with Retry-After", retryAfter: time.Second},
		{name: "SIGKILL", retryAfter: time.Second, end: sigkill},
	} {
		tc.service, tc.n = suite.Either(10, 100), suite.Either(80, 10_000)
		tc.provider, tc.ideals, tc.refused = limit{perSecond: 1000, burst: 100}, 1.5, 0.1
		tc.share = suite.Full() // a few dozen calls do not outweigh those in flight at each rejected call
		t.Run(tc.name, tc.run)
	}
}

// drain is a scenario in which many objects are created while the operator runs, at a service that has a limit.
type drain struct {
	name       string
	n          int // number of objects
	service    int // calls a second that the service accepts
	provider   limit
	retryAfter time.Duration // in the service's 429 answers; 0 for none
	end        ending        // of the operator, when half of the users are logged out
	ideals     float64       // the multiple of the time that the service needs for so many calls
	refused    float64       // the allowed share of calls answered 429
	share      bool          // that share is asserted
	kept       bool          // the service's rate is the provider's
	inFull     bool          // not in the small form
}

func (d drain) run(t *testing.T) {
	if d.inFull && !suite.Full() {
		t.Skip("only with -full")
	}
	x := newTarget(t, "pace", d.provider, chimetest.Options{RateLimit: float64(d.service), RetryAfter: d.retryAfter})
	o := startWith(t, few(), d.end, x)
	created := x.creating(t, d.n)
	if d.end != none {
		x.awaitLoggedOut(t, d.n/2)
		o.restart(t, d.end)
	}
	created()
	r := x.verify(t, d.end.repeats(few()))

	figures.AtMost(t, "share of the calls answered 429", float64(r.failures)/float64(len(r.entries)), d.refused,
		d.share)
	if d.kept {
		most := d.provider.burst + few()
		if d.end != none { // one process after the other
			most *= 2
		}
		figures.AtMost(t, "calls beyond the rate", arrivals.Excess(times(r.entries), d.provider.perSecond), most, true)
	}
	if d.retryAfter > 0 {
		figures.AtMost(t, "most calls answered 429 within one Retry-After", peak(refusals(r.entries), d.retryAfter),
			d.wave(), true)
	}
	ideal := time.Second * time.Duration(d.n/d.service)
	figures.AtMost(t, "time from the first creation to the last logout", r.took, time.Duration(d.ideals*float64(ideal)),
		suite.Full())
}

// wave is how many calls may be rejected within one Retry-After, on a machine of any speed. A gate pauses calls when
// half of the last 16 answers are rejections. Until then there are at most eight more rejections than other answers,
// and the service's rate bounds the others. In addition, calls are in flight when the service first rejects one, and
// when the gate pauses.
func (d drain) wave() int {
	return int(float64(d.service)*d.retryAfter.Seconds()) + 8 + 2*few()
}

// refusals are the calls that were answered 429.
func refusals(entries []chimetest.Entry) []chimetest.Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e chimetest.Entry) bool {
		return e.Status != http.StatusTooManyRequests
	})
}
