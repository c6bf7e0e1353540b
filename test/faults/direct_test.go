package faults

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/figures"
	"github.com/logout-operator/logout-operator/test/operatortest"
)

// longPatience is how long to wait for what takes an operator half a minute by itself.
const longPatience = 3 * time.Minute

// startDirect starts an operator for faults that are not of the API server, and does not wait for it. What it printed is shown if
// the test fails, and a data race fails it.
func startDirect(t *testing.T, on cluster, program string, flags ...string) *operator {
	t.Helper()
	access, err := on.ServiceAccountConfig(t.Context(), operatortest.Namespace, operatortest.Account)
	if err != nil {
		t.Fatal(err)
	}
	if on.proxy != nil {
		access.Host, access.CAData = on.proxy.URL, on.proxy.CA
	}
	audit.expected = audit.expected || on.ControlPlane == plane
	o := &operator{log: &processLog{}}
	o.Process, err = operatortest.Start(operatortest.Options{Binary: program, Access: access, Log: o.log,
		Flags: append([]string{"--workers=10", "--call-timeout=2s", "--visibility-timeout=4s"}, flags...)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.Kill()
		if bytes.Contains(o.log.text, []byte("DATA RACE")) {
			t.Error("the operator has a data race")
		}
		if t.Failed() {
			t.Logf("the operator printed:\n%.60000s", o.log.text)
		}
	})
	return o
}

// base is what an operator takes that has made its first call and has nothing to do.
type base struct {
	o    *operator
	took operatortest.Usage
}

// newBase is of an operator that has just logged somebody out.
func newBase(t *testing.T, o *operator) base {
	t.Helper()
	return base{o, usage(t, o)}
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

// spareFiles and spareThreads are how many more than at first an operator may hold that has nothing left to do: idle
// connections to the API server and to services of other tests, and threads, which Go keeps for later.
const spareFiles, spareThreads = 5, 30

// verify checks that the operator, which has nothing to do any more, holds no more files and threads than at first. There is no
// event to wait for when the last connection is closed, so it looks until that is so.
func (b base) verify(t *testing.T) {
	t.Helper()
	now := usage(t, b.o)
	ticks, end := time.NewTicker(100*time.Millisecond), time.After(longPatience)
	defer ticks.Stop()
	for done := false; !done && now.OpenFiles > b.took.OpenFiles+spareFiles; now = usage(t, b.o) {
		select {
		case <-ticks.C:
		case <-end:
			done = true
		}
	}
	figures.AtMost(t, "open files more than at first", now.OpenFiles-b.took.OpenFiles, spareFiles, true)
	figures.AtMost(t, "threads more than at first", now.Threads-b.took.Threads, spareThreads, true)
}
