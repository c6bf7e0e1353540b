package overload

import (
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// TestClosedGate: objects that wait while the gate pauses calls cost the service nothing, and the operator almost
// nothing.
func TestClosedGate(t *testing.T) {
	x := newTarget(t, "closed", normal, chimetest.Options{})
	o := startOperator(t, none, x)
	x.throttle(t, throttledFor(suite.Either(5*time.Minute, 4*time.Minute)), throttledFor(5*time.Minute))
	n := suite.Either(200, 10_000)
	x.create(t, n)
	// Writing ten thousand statuses takes nearly as long as the longest pause: after its probe the gate pauses again.
	calls := suite.Either(1, 2)
	if err := x.WaitForCalls(t.Context(), calls); err != nil {
		t.Fatal(err)
	}
	call := x.Hold("", "")
	x.objects.awaitQueued(t, n+1-calls)

	before, began := o.UsageIn(t), time.Now()
	select {
	case <-call.Arrived():
		t.Fatal("a call came although the gate is closed")
	case <-time.After(suite.Either(3*time.Second, time.Minute)):
	}
	after, took := o.UsageIn(t), time.Since(began)
	figures.AtMost(t, "calls", x.Calls("", "")-calls, 0, true) // not counting those that were throttled
	figures.AtMost(t, "CPU of one core", float64(after.CPU-before.CPU)/float64(took), 0.02, suite.Full())
	figures.Note(t, "memory of the operator in MiB", int(after.RSS>>20))
}
