package faults

import (
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/figures"
	"github.com/logout-operator/logout-operator/test/operatortest"
)

// longPatience is how long to wait for what takes an operator half a minute by itself.
const longPatience = 3 * time.Minute

// base is what an operator takes that has made its first call and has nothing to do.
type base struct {
	o    *operator
	took operatortest.Usage
}

// newBase is of an operator that has just logged somebody out.
func newBase(t *testing.T, o *operator) base {
	t.Helper()
	return base{o, o.UsageIn(t)}
}

// spareFiles and spareThreads are how many more than at first an operator may hold that has nothing left to do: idle
// connections to the API server and to services of other tests, and threads, which Go keeps for later.
const spareFiles, spareThreads = 5, 30

// verify checks that the operator, which has nothing to do any more, holds no more files and threads than at first. There is no
// event to wait for when the last connection is closed, so it looks until that is so.
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
