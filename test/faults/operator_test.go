package faults

import (
	"fmt"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/apiproxy"
	"github.com/logout-operator/logout-operator/test/operatortest"
	"github.com/logout-operator/logout-operator/test/suite"
)

// stopping is what the operator logs when it has begun to stop, because of a signal or a lost lease.
const stopping = "Stopping and waiting for leader election runnables"

// workers of an operator: how many attempts can be under way, and so how many calls a crash can repeat.
const workers = 10

// callTimeout of an operator, if a test sets no other. It is longer than an attempt takes on a busy machine, and short because a
// claim runs out after twice as long, which some tests wait for.
const callTimeout = 5 * time.Second

// manyWorkers lets a crowd be under way at a time.
var manyWorkers = fmt.Sprintf("--workers=%d", crowd)

// operator is a running operator.
type operator struct {
	*suite.Operator
	base vitals // after its first call; zero if it has not made one
}

// started counts the operators.
var started int

// start starts an operator, and does not wait for it. What it printed is shown if the test fails, and a data race fails it.
func start(t *testing.T, on cluster, program string, flags ...string) *operator {
	t.Helper()
	access, err := on.ServiceAccountConfig(t.Context(), operatortest.Namespace, operatortest.Account)
	if err != nil {
		t.Fatal(err)
	}
	if on.proxy != nil {
		access.Host, access.CAData = on.proxy.URL, on.proxy.CA
	}
	audit.expected = audit.expected || on.ControlPlane == plane
	return &operator{Operator: suite.Start(t, operatortest.Options{Binary: program, Access: access, Metrics: true,
		Flags: append([]string{fmt.Sprintf("--workers=%d", workers), fmt.Sprintf("--call-timeout=%s", callTimeout),
			fmt.Sprintf("--visibility-timeout=%s", 2*callTimeout)}, flags...)})}
}

// launch starts an operator that reaches the API server by the proxy only.
func launch(t *testing.T, p *apiproxy.Proxy, flags ...string) *operator {
	t.Helper()
	return start(t, cluster{plane, admin, p}, binary, append([]string{
		"--leader-election-lease-duration=15s", "--leader-election-renew-deadline=10s", "--leader-election-retry-period=2s"}, flags...)...)
}

// startOperator launches an operator and has it log somebody out: until then it makes one call at a time.
func startOperator(t *testing.T, p *apiproxy.Proxy, flags ...string) *operator {
	t.Helper()
	o := launch(t, p, flags...)
	started++
	first := create(t, fmt.Sprintf("first-of-operator-%d", started))
	verify(t, first, 1, 1)
	if faultFree == nil {
		faultFree = finishedObject(t, first)
	}
	return o
}

// startLasting is startOperator for one that, if it lives as long as the test, has to hold no more by its end than at first.
func startLasting(t *testing.T, p *apiproxy.Proxy, flags ...string) *operator {
	t.Helper()
	o := startOperator(t, p, flags...)
	o.Log.AwaitLine(t, 0, "starting server")
	o.base = o.vitals(t)
	t.Cleanup(func() {
		select {
		case <-o.Exited():
		default:
			o.verifyVitals(t)
		}
	})
	return o
}
