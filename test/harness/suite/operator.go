package suite

import (
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// Operator runs until its test is over, sometimes in one process after the other.
type Operator struct {
	*operatortest.Process
	// Log has the output of all processes.
	Log     *operatortest.Log
	options operatortest.Options
}

// Start starts an operator. A data race in it fails the test. If the test fails, it shows the end of the operator's
// output.
func Start(t testing.TB, o operatortest.Options) *Operator {
	t.Helper()
	operator := &Operator{Log: &operatortest.Log{}, options: o}
	operator.options.Log = operator.Log
	operator.Restart(t)
	t.Cleanup(func() {
		operator.Kill()
		operator.Log.Judge(t)
	})
	return operator
}

// Restart starts another process after the previous one has ended.
func (o *Operator) Restart(t testing.TB) {
	t.Helper()
	p, err := operatortest.Start(o.options)
	if err != nil {
		t.Fatal(err)
	}
	o.Process = p
}

// SendTerm sends SIGTERM, as Kubernetes does to end a pod.
func (o *Operator) SendTerm(t testing.TB) {
	t.Helper()
	if err := o.Terminate(); err != nil {
		t.Fatal(err)
	}
}

// AwaitExit waits for the end and returns the exit code.
func (o *Operator) AwaitExit(t testing.TB) int {
	t.Helper()
	await.Receive(t, o.Exited(), "the operator to exit")
	return o.ExitCode()
}

// Stop ends the process with SIGTERM and returns how long that took. An exit code other than 0 fails the test.
func (o *Operator) Stop(t testing.TB) time.Duration {
	t.Helper()
	began := time.Now()
	o.SendTerm(t)
	if code := o.AwaitExit(t); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	return time.Since(began)
}
