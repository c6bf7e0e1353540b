package overload

import (
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/figures"
)

// servicePerSecond is what a service with a limit takes. In the small form that is less than any machine can ask for.
func servicePerSecond() int { return either(50, 100) }

// TestPace: a provider whose rate is the service's gets nearly all of it, and hardly a refusal.
func TestPace(t *testing.T) {
	for _, tc := range []drain{
		{name: "without Retry-After", inFull: true},
		{name: "with Retry-After", retryAfter: time.Second},
		{name: "SIGKILL", retryAfter: time.Second, end: sigkill},
		{name: "SIGTERM", retryAfter: time.Second, end: sigterm},
	} {
		tc.provider, tc.ideals, tc.refused = limit{perSecond: servicePerSecond(), burst: 5}, 1.15, 0.01
		t.Run(tc.name, tc.run)
	}
}

// TestTooFast: a provider whose rate is far above the service's finds that out, at a price that is bounded.
func TestTooFast(t *testing.T) {
	for _, tc := range []drain{
		{name: "without Retry-After", inFull: true},
		{name: "with Retry-After", retryAfter: time.Second},
		{name: "SIGKILL", retryAfter: time.Second, end: sigkill},
	} {
		tc.provider, tc.ideals = limit{perSecond: 1000, burst: 100}, 1.5
		tc.refused = either(0.25, 0.1) // a few hundred calls do not outweigh those under way at the first refusal
		t.Run(tc.name, tc.run)
	}
}

// drain is a scenario in which many objects are created while the operator runs, at a service that has a limit.
type drain struct {
	name       string
	provider   limit
	retryAfter time.Duration // of the service's refusals; 0 for none
	end        ending        // of the operator, when half of the users are logged out
	ideals     float64       // how often the time that the service needs for so many calls it may take
	refused    float64       // the share of calls that may be answered 429
	inFull     bool          // not in the small form
}

func (d drain) run(t *testing.T) {
	if d.inFull && !*full {
		t.Skip("only with -full")
	}
	n := either(150, 10_000)
	x := newTarget(t, "pace", d.provider, chimetest.Options{RateLimit: float64(servicePerSecond()), RetryAfter: d.retryAfter})
	o := startOperator(t, d.end, x)
	created := x.creating(t, n)
	if d.end != none {
		x.awaitLoggedOut(t, n/2)
		o.restart(t, d.end)
	}
	created()
	r := x.verify(t, d.end.repeats())

	figures.AtMost(t, "share of the calls answered 429", float64(r.failures)/float64(len(r.entries)), d.refused, true)
	ideal := time.Second * time.Duration(n/servicePerSecond())
	figures.AtMost(t, "time from the first creation to the last logout", r.took, time.Duration(d.ideals*float64(ideal)), *full)
}
