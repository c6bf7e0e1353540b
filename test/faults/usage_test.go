package faults

import (
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// longPatience is the patience for anything that takes an operator half a minute by design.
const longPatience = 3 * time.Minute

// base is the resource usage of an operator that has made its first call and is idle.
type base struct {
	o    *operator
	took operatortest.Usage
}

// newBase is the base of an operator that has just logged somebody out.
func newBase(t *testing.T, o *operator) base {
	t.Helper()
	return base{o, o.UsageIn(t)}
}

// spareFiles and spareThreads are how many more files and threads than at first an idle operator may hold: idle
// connections to the API server and to services of other tests, and threads, which Go keeps for later.
const spareFiles, spareThreads = 5, 30

// verify checks that the operator, which is idle again, holds no more files and threads than at first. There is no
// event when the last connection closes, so it polls.
func (b base) verify(t *testing.T) {
	t.Helper()
	now := b.o.UsageIn(t)
	ticks, end := time.NewTicker(100*time.Millisecond), time.After(longPatience)
	defer ticks.Stop()
	for done := false; !done && now.OpenFiles > b.took.OpenFiles+spareFiles; now = b.o.UsageIn(t) {
		select {
		case <-ticks.C:
		case <-end:
			done = true
		}
	}
	figures.AtMost(t, "open files more than at first", now.OpenFiles-b.took.OpenFiles, spareFiles, true)
	figures.AtMost(t, "threads more than at first", now.Threads-b.took.Threads, spareThreads, true)
}
