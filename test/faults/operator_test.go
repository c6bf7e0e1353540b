package faults

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/apiproxy"
	"github.com/logout-operator/logout-operator/test/await"
	"github.com/logout-operator/logout-operator/test/operatortest"
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
	*operatortest.Process
	log     *processLog
	metrics string // address; empty for none
	base    vitals // after its first call; zero if it has not made one
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
	o := &operator{log: &processLog{}}
	o.Process, err = operatortest.Start(operatortest.Options{Binary: program, Access: access, Log: o.log,
		Flags: append([]string{fmt.Sprintf("--workers=%d", workers), fmt.Sprintf("--call-timeout=%s", callTimeout), fmt.Sprintf("--visibility-timeout=%s", 2*callTimeout)}, flags...)})
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

// launch starts an operator that reaches the API server by the proxy only, and serves metrics.
func launch(t *testing.T, p *apiproxy.Proxy, flags ...string) *operator {
	t.Helper()
	metrics := freeAddress(t)
	o := start(t, cluster{plane, admin, p}, binary, append([]string{"--metrics-bind-address=" + metrics,
		"--leader-election-lease-duration=15s", "--leader-election-renew-deadline=10s", "--leader-election-retry-period=2s"}, flags...)...)
	o.metrics = metrics
	return o
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
	o.log.awaitText(t, "starting server")
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

// terminate sends SIGTERM.
func (o *operator) terminate(t *testing.T) {
	t.Helper()
	if err := o.Terminate(); err != nil {
		t.Fatal(err)
	}
}

// exitCode returns the exit code, once there is one.
func (o *operator) exitCode(t *testing.T) int {
	t.Helper()
	await.Receive(t, o.Exited(), "the operator to exit")
	return o.ExitCode()
}

// processLog is what a process prints.
type processLog struct {
	await.State
	text []byte
}

func (l *processLog) Write(p []byte) (int, error) {
	l.Change(func() { l.text = append(l.text, p...) })
	return len(p), nil
}

// awaitText returns when the process has printed the text.
func (l *processLog) awaitText(t *testing.T, text string) {
	t.Helper()
	l.Await(t, text, func() bool { return bytes.Contains(l.text, []byte(text)) })
}

// size is how much the process has printed so far.
func (l *processLog) size() (n int) {
	l.Look(func() { n = len(l.text) })
	return n
}

// awaitLine returns when the process has printed a line with all of the texts, beyond what it had printed before.
func (l *processLog) awaitLine(t *testing.T, before int, texts ...string) {
	t.Helper()
	l.Await(t, strings.Join(texts, " and "), func() bool {
		for line := range bytes.Lines(l.text[before:]) {
			if !slices.ContainsFunc(texts, func(text string) bool { return !bytes.Contains(line, []byte(text)) }) {
				return true
			}
		}
		return false
	})
}
