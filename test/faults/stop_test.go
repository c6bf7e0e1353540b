package faults

import (
	"net/http"
	"testing"

	"github.com/logout-operator/logout-operator/test/apiproxy"
	"github.com/logout-operator/logout-operator/test/await"
)

// TestStop: an attempt that has begun ends and is stored before the operator exits.
func TestStop(t *testing.T) {
	for _, tc := range []struct {
		name    string
		signals int
		at      func(t *testing.T, p *apiproxy.Proxy, name string) (arrived, release func())
	}{
		{"SIGTERM in the call", 1, holdCall},
		{"SIGTERM in the call, twice", 2, holdCall},
		{"SIGTERM in the outcome's write", 1, holdOutcome},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := apiproxy.New(t, plane.Config)
			o := startOperator(t, p)
			name := nameFor(t, 0)
			arrived, release := tc.at(t, p, name)
			obj := create(t, name)
			arrived()
			for range tc.signals {
				o.terminate(t)
				o.log.awaitText(t, stopping)
			}
			release()
			if code := o.exitCode(t); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			verify(t, obj, 1, 1)
		})
	}
}

// leaseName is what the operators of one installation elect their leader by.
const leaseName = "logout-operator.logout-operator.io"

// TestLostLease: an operator that has lost its lease stores the outcome it has, and exits with an error.
func TestLostLease(t *testing.T) {
	p := apiproxy.New(t, plane.Config)
	o := startOperator(t, p, "--leader-elect")
	name := nameFor(t, 0)
	arrived, release := holdOutcome(t, p, name)
	obj := create(t, name)
	arrived()
	p.Meet(apiproxy.Lease, leaseName, apiproxy.Times(1000, apiproxy.Refused(http.StatusInternalServerError))...)
	o.log.awaitText(t, stopping)
	release()
	if code := o.exitCode(t); code == 0 {
		t.Error("exit code 0, want another")
	}
	verify(t, obj, 1, 1)
}

// holdCall holds the next call of the user at the service.
func holdCall(t *testing.T, _ *apiproxy.Proxy, name string) (arrived, release func()) {
	hold := service.Hold(account, name)
	return func() { await.Receive(t, hold.Arrived(), "the call") }, hold.Release
}

// holdOutcome holds all writes of the object's outcome, as the operator gives up on each after a while.
func holdOutcome(t *testing.T, p *apiproxy.Proxy, name string) (arrived, release func()) {
	g := apiproxy.NewGate(t)
	p.Meet(apiproxy.Outcome, name, apiproxy.Times(1000, g.Hold)...)
	return func() { g.AwaitArrivals(t, 1) }, g.Open
}
