package faults

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/logout-operator/logout-operator/test/apiproxy"
	"github.com/logout-operator/logout-operator/test/await"
	"github.com/logout-operator/logout-operator/test/operatortest"
)

// stopping is what the operator logs when it has begun to stop, because of a signal or a lost lease.
const stopping = "Stopping and waiting for leader election runnables"

// operator is a running operator.
type operator struct {
	*operatortest.Process
	log *processLog
}

// started counts the operators.
var started int

// startOperator starts an operator that reaches the API server by the proxy only, and has it log somebody out: until
// then it makes one call at a time. What it printed is shown if the test fails, and a data race fails it.
func startOperator(t *testing.T, p *apiproxy.Proxy, flags ...string) *operator {
	t.Helper()
	access, err := plane.ServiceAccountConfig(t.Context(), operatortest.Namespace, operatortest.Account)
	if err != nil {
		t.Fatal(err)
	}
	access.Host, access.CAData = p.URL, p.CA
	o := &operator{log: &processLog{}}
	o.Process, err = operatortest.Start(operatortest.Options{Binary: binary, Access: access, Log: o.log,
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
			t.Logf("the operator printed:\n%s", o.log.text)
		}
	})
	started++
	verify(t, create(t, fmt.Sprintf("first-of-operator-%d", started)), 1, 1)
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
