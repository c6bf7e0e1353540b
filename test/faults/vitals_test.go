package faults

import (
	"context"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/figures"
)

// vitals are the fourth oracle: the resources that an idle operator holds.
type vitals struct {
	goroutines, files int
	memory            int64 // bytes
}

// The resources that a running operator may hold in addition to those after its first call: idle connections, each with
// two goroutines, and memory that Go keeps.
const (
	spareGoroutines = 60
	spareConns      = 30
	spareMemory     = 100 << 20
)

// vitals of the operator right now.
func (o *operator) vitals(t *testing.T) (v vitals) {
	t.Helper()
	usage := o.UsageIn(t)
	v.files, v.memory = usage.OpenFiles, usage.RSS
	ctx := context.WithoutCancel(t.Context()) // the test may be over
	goroutines, err := o.Gauge(ctx, installed.Scraper, "go_goroutines")
	if err != nil || goroutines == 0 {
		t.Fatalf("%g goroutines: %v", goroutines, err)
	}
	v.goroutines = int(goroutines)
	return v
}

// verifyVitals checks that the operator holds about as much as after its first call. There is no event when the last
// goroutine of an earlier task ends, so it polls.
func (o *operator) verifyVitals(t *testing.T) {
	t.Helper()
	var now vitals
	ticks, patience := time.NewTicker(200*time.Millisecond), time.After(await.Patience)
	defer ticks.Stop()
	for waiting := true; waiting; {
		now = o.vitals(t)
		waiting = now.goroutines > o.base.goroutines+spareGoroutines || now.files > o.base.files+spareConns ||
			now.memory > o.base.memory+spareMemory
		select {
		case <-ticks.C:
		case <-patience:
			waiting = false
		}
	}
	figures.AtMost(t, "goroutines more than at first", now.goroutines-o.base.goroutines, spareGoroutines, true)
	figures.AtMost(t, "open files more than at first", now.files-o.base.files, spareConns, true)
	figures.AtMost(t, "MiB more than at first", int((now.memory-o.base.memory)>>20), spareMemory>>20, true)
}
