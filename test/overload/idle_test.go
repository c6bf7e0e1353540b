package overload

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/figures"
	"github.com/logout-operator/logout-operator/test/operatortest"
)

// TestClosedGate: objects that wait at a closed gate cost the service nothing, and the operator next to nothing.
func TestClosedGate(t *testing.T) {
	x := newTarget(t, "closed", normal, chimetest.Options{})
	o := startOperator(t, none, x)
	x.throttle(t, throttledFor(5*time.Minute))
	call := x.Hold("", "")
	x.create(t, either(200, 10_000))
	x.objects.awaitQuiet(t, 2*time.Second) // what the operator has to say about waiting is written

	before, began := usage(t, o), time.Now()
	select {
	case <-call.Arrived():
		t.Fatal("a call came although the gate is closed")
	case <-time.After(either(3*time.Second, time.Minute)):
	}
	after, took := usage(t, o), time.Since(began)
	figures.AtMost(t, "calls", x.Calls("", "")-1, 0, true) // but for the one that was throttled
	figures.AtMost(t, "CPU of one core", float64(after.CPU-before.CPU)/float64(took), 0.02, *full)
	figures.Note(t, "memory of the operator in MiB", int(after.RSS>>20))
}

func usage(t *testing.T, o *operator) operatortest.Usage {
	t.Helper()
	u, err := o.Usage()
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("no /proc here")
	}
	if err != nil {
		t.Fatal(err)
	}
	return u
}
