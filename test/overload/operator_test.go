package overload

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/await"
	"github.com/logout-operator/logout-operator/test/operatortest"
)

// workers of the operator: how many calls can be under way, and so be made again after a crash.
const workers = 50

// few is how many workers an operator has in scenarios that count calls. Each worker can have a call under way, which limits have
// to allow for, so the small form has fewer.
func few() int { return either(10, workers) }

// operator runs until the test is over, at times by one process after the other.
type operator struct {
	*operatortest.Process
	options operatortest.Options
}

// startOperator starts an operator and returns when it is ready to make calls for all targets.
func startOperator(t *testing.T, end ending, targets ...*target) *operator {
	t.Helper()
	return startWith(t, workers, end, targets...)
}

// startWith starts an operator that has so many workers.
func startWith(t *testing.T, workers int, end ending, targets ...*target) *operator {
	t.Helper()
	printed := &tail{}
	o := &operator{options: operatortest.Options{
		Binary: binary,
		Access: access,
		Flags:  append([]string{fmt.Sprintf("--workers=%d", workers)}, end.flags()...),
		Log:    printed,
	}}
	o.start(t)
	t.Cleanup(func() {
		o.Kill()
		if t.Failed() {
			t.Logf("the operator printed at last:\n%s", printed.text)
		}
	})
	for _, x := range targets {
		awaitReady(t, x.provider)
	}
	return o
}

func (o *operator) start(t *testing.T) {
	t.Helper()
	p, err := operatortest.Start(o.options)
	if err != nil {
		t.Fatal(err)
	}
	o.Process = p
}

// awaitReady returns when the operator has found the provider usable.
func awaitReady(t *testing.T, provider string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	defer cancel()
	w, err := admin.Watch(ctx, &v1alpha1.ClusterLogoutProviderList{}, client.MatchingFields{"metadata.name": provider})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		p, ok := event.Object.(*v1alpha1.ClusterLogoutProvider)
		if ok && meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionReady) {
			return
		}
	}
	t.Fatalf("ClusterLogoutProvider %s did not become ready", provider)
}

// ending is how the operator's process ends in the middle of a scenario, if it does. Another is started at once.
type ending int

const (
	none ending = iota
	sigkill
	sigterm
)

// repeats is how many calls may be made once more: those whose outcome the process took along, one for each worker.
func (e ending) repeats(workers int) int {
	if e == sigkill {
		return workers
	}
	return 0
}

// flags let the claims that a process leaves behind run out sooner in the small form.
func (e ending) flags() []string {
	if e == none {
		return nil
	}
	return either([]string{"--call-timeout=2s", "--visibility-timeout=4s"}, nil)
}

// restart ends the process and starts another, and returns how long the first took to end.
func (o *operator) restart(t *testing.T, e ending) (stopped time.Duration) {
	t.Helper()
	began := time.Now()
	switch e {
	case none:
		return 0
	case sigkill:
		o.Kill()
	case sigterm:
		if err := o.Terminate(); err != nil {
			t.Fatal(err)
		}
		await.Receive(t, o.Exited(), "the operator to exit")
		if code := o.ExitCode(); code != 0 {
			t.Errorf("exit code %d after SIGTERM, want 0", code)
		}
	}
	stopped = time.Since(began)
	o.start(t)
	return stopped
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// tailSize in bytes: the operator tells of every object.
const tailSize = 4096

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	l.text = l.text[max(0, len(l.text)-tailSize):]
	return len(p), nil
}
