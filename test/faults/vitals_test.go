package faults

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/await"
	"github.com/logout-operator/logout-operator/test/figures"
	"github.com/logout-operator/logout-operator/test/operatortest"
)

// vitals are the fourth oracle: what an operator holds that has nothing to do.
type vitals struct {
	goroutines, files int
	memory            int64 // bytes
}

// What an operator that lives on may hold beside what it held after its first call: connections that are idle, each with
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
	access, err := plane.ServiceAccountConfig(ctx, operatortest.Namespace, "prometheus")
	if err != nil {
		t.Fatal(err)
	}
	families, err := operatortest.Scrape(ctx, o.metrics, access.BearerToken)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range families["go_goroutines"].GetMetric() {
		v.goroutines = int(m.GetGauge().GetValue())
		return v
	}
	t.Fatal("no go_goroutines")
	return v
}

// verifyVitals checks that the operator holds about as much as it did when it had made its first call. Nothing tells when
// the last goroutine of what is over has ended, so it looks until that is so.
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

// freeAddress returns one to listen on. The operator does not tell which it has chosen by itself.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // it is free then
	return l.Addr().String()
}
