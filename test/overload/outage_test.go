package overload

import (
	"flag"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/arrivals"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

var outageFor = flag.Duration("outage", 5*time.Minute, "how long services are down with -full")

// outage is one way in which a service is down.
type outage struct {
	name       string
	begin, end func(*testing.T, *target)
	cost       func(result) int // how many calls the operator made, or tried to make, during it
}

var (
	unavailable = outage{"503",
		func(_ *testing.T, x *target) {
			x.Intercept(func(chimetest.Call) *chimetest.Answer {
				return &chimetest.Answer{Code: "ServiceUnavailableException"}
			})
		},
		func(_ *testing.T, x *target) { x.Intercept(nil) },
		func(r result) int { return r.failures }}
	refused = outage{"connections refused",
		func(_ *testing.T, x *target) { x.shut() },
		func(t *testing.T, x *target) { x.open(t) },
		func(r result) int { return r.unseen }}
)

// TestOutage: the cost of an outage for the service depends on its length, not on how many objects wait. When it is
// over, the operator does not make all the missed calls at once.
func TestOutage(t *testing.T) {
	t.Run(unavailable.name, func(t *testing.T) { unavailable.run(t, none) })
	t.Run(unavailable.name+", SIGKILL", func(t *testing.T) { unavailable.run(t, sigkill) })
	t.Run(refused.name, func(t *testing.T) { refused.run(t, none) })
}

// run takes services down for the same time under the same operator, which ends in the middle of it: one service for
// which many objects wait, and in the full form several with ten, because the times of the probes are partly random.
func (o outage) run(t *testing.T, end ending) {
	const ten = 10
	n, half := suite.Either(200, 10_000), suite.Either(3*time.Second, *outageFor)/2
	many := newTarget(t, "many", normal, chimetest.Options{})
	all := []*target{many}
	for range suite.Either(1, 5) {
		all = append(all, newTarget(t, "ten", normal, chimetest.Options{}))
	}
	many.create(t, n) // before the operator starts, so that it has the whole API server when the outage begins
	operator := startWith(t, few(), end, all...)
	many.awaitLoggedOut(t, n/20)
	began := time.Now()
	for _, x := range all {
		o.begin(t, x)
	}
	middle := time.After(half)
	for _, x := range all[1:] {
		x.create(t, ten)
	}
	await.Receive(t, middle, "the middle of the outage")
	restarted := time.Now()
	operator.restart(t, end)
	await.Receive(t, time.After(half), "the end of the outage")
	fixed := time.Now()
	for _, x := range all {
		o.end(t, x)
	}
	limit := few() + probesWithin(time.Since(began)) // calls in flight at the start, and probes for its real length
	if end != none {
		limit = few() + probesWithin(restarted.Sub(began)) + 1 + probesWithin(time.Since(restarted))
	}

	cost := o.cost(many.verify(t, end.repeats(few())))
	figures.Note(t, fmt.Sprintf("calls in the outage, %d objects waiting", n), cost)
	after := since(many.Journal(), fixed)
	figures.AtMost(t, "calls beyond the rate after it", arrivals.Excess(times(after), normal.perSecond),
		normal.burst+few(), true)
	figures.AtMost(t, "most calls in a second after it", peak(after, time.Second),
		// Calls that are 20 ms late count in the next window.
		normal.perSecond+normal.burst+normal.perSecond/50, suite.Full())
	mean := 0.0
	for _, x := range all[1:] {
		small := o.cost(x.verify(t, end.repeats(few())))
		figures.Note(t, fmt.Sprintf("calls in the outage, %d objects waiting", ten), small)
		mean += float64(small) / float64(len(all)-1)
	}
	if suite.Full() {
		figures.AtMost(t, "difference", math.Abs(float64(cost)-mean)/mean, 0.2, true)
	} else {
		figures.AtMost(t, "calls in the outage", max(cost, int(mean)), limit, true)
	}
}

// probesWithin is how many probes a paused gate makes at most in this time. The pause before each is at least half of
// the time since the first pause began, and at least half a second.
func probesWithin(closed time.Duration) (n int) {
	for at := time.Duration(0); ; n++ {
		if at += max(at, time.Second) / 2; at > closed {
			return n
		}
	}
}
