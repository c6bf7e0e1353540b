package overload

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// workers of the operator: how many calls can be in flight, and so be repeated after a crash.
const workers = 50

// few is how many workers an operator has in scenarios that count calls. Each worker can have a call in flight, which
// limits must allow for, so the small form has fewer.
func few() int { return suite.Either(10, workers) }

// operator runs until the test is over, sometimes in one process after the other.
type operator struct{ *suite.Operator }

// startOperator starts an operator and returns when it is ready to make calls for all targets.
func startOperator(t *testing.T, end ending, targets ...*target) *operator {
	t.Helper()
	return startWith(t, workers, end, targets...)
}

// startWith starts an operator with this many workers.
func startWith(t *testing.T, workers int, end ending, targets ...*target) *operator {
	t.Helper()
	o := suite.Start(t, operatortest.Options{
		Binary: cluster.Binary,
		Access: cluster.Access,
		Flags:  append([]string{fmt.Sprintf("--workers=%d", workers)}, end.flags()...),
	})
	for _, x := range targets {
		provider := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: x.provider}}
		await.Object(t, cluster.Admin, provider, "ready", func(p *v1alpha1.ClusterLogoutProvider) bool {
			return meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionReady)
		})
	}
	return &operator{o}
}

// ending is how the operator's process ends in the middle of a scenario, if it does. Another is started at once.
type ending int

const (
	none ending = iota
	sigkill
	sigterm
)

// repeats is how many calls may be repeated: those whose outcome was lost with the process, one for each worker.
func (e ending) repeats(workers int) int {
	if e == sigkill {
		return workers
	}
	return 0
}

// flags make the claims that a process leaves behind expire sooner in the small form.
func (e ending) flags() []string {
	if e == none {
		return nil
	}
	return suite.Either([]string{"--call-timeout=2s", "--visibility-timeout=4s"}, nil)
}

// restart ends the process and starts another, and returns how long the first took to end.
func (o *operator) restart(t *testing.T, e ending) (stopped time.Duration) {
	t.Helper()
	switch e {
	case none:
		return 0
	case sigkill:
		o.Kill()
	case sigterm:
		stopped = o.Stop(t)
	}
	o.Restart(t)
	return stopped
}
