package faults

import (
	"fmt"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// stopping is the operator's log message when it begins to stop, because of a signal or a lost lease.
const stopping = "Stopping and waiting for leader election runnables"

// workers of an operator: how many attempts can be in progress, and so how many calls a crash can repeat.
const workers = 10

// callTimeout of an operator, unless a test sets another. It is longer than an attempt takes on a busy machine, but
// short because a claim expires after twice that time, and some tests wait for that.
const callTimeout = 5 * time.Second

// manyWorkers allows a crowd of attempts at a time.
var manyWorkers = fmt.Sprintf("--workers=%d", crowd)

// operator is a running operator.
type operator struct {
	*suite.Operator
	base vitals // after its first call; zero if it has not made one
}

// started counts the started operators.
var started int

// start starts an operator, and does not wait until it is ready. If the test fails, it shows the operator's output; a
// data race fails the test.
func start(t *testing.T, on cluster, program string, flags ...string) *operator {
	t.Helper()
	return startWith(t, on, program, func(*operatortest.Options) {}, flags...)
}

// startWith is start with other options.
func startWith(
	t *testing.T, on cluster, program string, edit func(*operatortest.Options), flags ...string,
) *operator {
	t.Helper()
	access, err := on.ServiceAccountConfig(t.Context(), operatortest.Namespace, operatortest.Account)
	if err != nil {
		t.Fatal(err)
	}
	if on.proxy != nil {
		access.Host, access.CAData = on.proxy.URL, on.proxy.CA
	}
	audit.expected = audit.expected || on.ControlPlane == plane
	options := operatortest.Options{Binary: program, Access: access, Metrics: true,
		Flags: append([]string{fmt.Sprintf("--workers=%d", workers), fmt.Sprintf("--call-timeout=%s", callTimeout),
			fmt.Sprintf("--visibility-timeout=%s", 2*callTimeout)}, flags...)}
	edit(&options)
	return &operator{Operator: suite.Start(t, options)}
}

// launch starts an operator that reaches the API server only through the proxy.
func launch(t *testing.T, p *apiproxy.Proxy, flags ...string) *operator {
	t.Helper()
	return start(t, cluster{plane, admin, p}, binary, append([]string{
		"--leader-election-lease-duration=15s", "--leader-election-renew-deadline=10s",
		"--leader-election-retry-period=2s"}, flags...)...)
}

// startOperator launches an operator and makes it log somebody out: before its first success it makes one call at a
// time.
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

// startLasting is startOperator for an operator whose resource usage is checked at the end of the test, if it is still
// running.
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
