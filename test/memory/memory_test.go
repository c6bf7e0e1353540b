package memory

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/parallel"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

const (
	tenant   = "tenant"   // the namespace that the provider allows
	stranger = "stranger" // a namespace that no provider allows
	mib      = 1 << 20
)

// TestWaiting: many objects wait for an endpoint that accepts one call a second, as in an incident that logs everybody
// out.
func TestWaiting(t *testing.T) {
	n := suite.Either(10_000, 100_000)
	create(t, n, func(i int) *v1alpha1.UserLogout { return object(tenant, i) })
	o := start(t)
	o.await(t, "objects in the queue", n-100, "logout_operator_slots_waiting")
	o.hold(t, "waiting objects", n, 50+n/1024) // as docs/performance.md says
}

// TestHuge: few objects, each as large as etcd allows. The operator needs none of the large fields.
func TestHuge(t *testing.T) {
	n := suite.Either(40, 200)
	create(t, n, huge)
	o := start(t)
	o.await(t, "objects in the queue", n-20, "logout_operator_slots_waiting")
	o.hold(t, "objects of 1.4 MiB that wait", n, suite.Either(80, 100))
}

// TestHugeFinished: objects that have finished, in a namespace that no provider allows.
func TestHugeFinished(t *testing.T) {
	n := suite.Either(100, 500)
	create(t, n, func(i int) *v1alpha1.UserLogout {
		obj := object(stranger, i)
		obj.Annotations = map[string]string{"note": strings.Repeat("x", 255<<10)}
		return obj
	})
	if err := parallel.Do(t.Context(), n, func(ctx context.Context, i int) error {
		obj := object(stranger, i)
		if err := operator.Get(ctx, client.ObjectKeyFromObject(obj), obj); err != nil {
			return err
		}
		now := metav1.NewTime(time.Now().Truncate(time.Second))
		obj.Status = v1alpha1.UserLogoutStatus{
			CompletionTime:     &now,
			ObservedGeneration: obj.Generation,
			Conditions: []metav1.Condition{
				{
					Type:               v1alpha1.ConditionFinished,
					Status:             metav1.ConditionTrue,
					Reason:             v1alpha1.ReasonFailed,
					LastTransitionTime: now,
				},
			},
		}
		return operator.Status().Update(ctx, obj)
	}); err != nil {
		t.Fatal(err)
	}
	o := start(t)
	o.await(t, "finished objects", n, "logout_operator_objects", "state", "Failed")
	o.hold(t, "finished objects with annotations of 255 KiB", n, suite.Either(80, 100))
}

// object is the smallest UserLogout.
func object(namespace string, i int) *v1alpha1.UserLogout {
	name := fmt.Sprintf("offboard-%06d", i)
	return &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.UserLogoutSpec{AccountID: "account", UserID: "1ab2345c-67de-8901-f23g-" + name,
			ActiveDeadlineSeconds: 24 * 3600},
	}
}

// huge is an object of 1.4 MiB: the API server bounds the size of annotations, but not that of labels. It repeats the
// keys in managedFields.
func huge(i int) *v1alpha1.UserLogout {
	obj := object(tenant, i)
	obj.Labels = map[string]string{}
	for n := range 2100 {
		key := fmt.Sprintf("l%d.%s.example/%s", n, strings.Repeat("a.", 115)+"a", strings.Repeat("b", 60))
		obj.Labels[key] = strings.Repeat("c", 63)
	}
	return obj
}

// create creates n objects, and deletes them when the test is over.
func create(t *testing.T, n int, of func(i int) *v1alpha1.UserLogout) {
	t.Helper()
	t.Cleanup(func() { // one by one: the API server cannot delete all the huge ones at once
		if err := parallel.Do(context.Background(), n, func(ctx context.Context, i int) error {
			return client.IgnoreNotFound(cluster.Admin.Delete(ctx, of(i)))
		}); err != nil {
			t.Error(err)
		}
	})
	if err := parallel.Do(t.Context(), n, func(ctx context.Context, i int) error {
		return cluster.Admin.Create(ctx, of(i))
	}); err != nil {
		t.Fatal(err)
	}
}

// container is the memory limit of the operator's container in the manifests, in bytes.
const container = 256 * mib

// process is an operator.
type process struct{ *suite.Operator }

// start starts an operator with the memory limit of such a container.
func start(t *testing.T, flags ...string) *process {
	t.Helper()
	if os.Getenv("GOMEMLIMIT") == "" {
		t.Setenv("GOMEMLIMIT", fmt.Sprint(container*85/100)) // in a container it derives this from its cgroup
	}
	return startProgram(t, cluster.Binary, flags...)
}

// startProgram starts an operator with a program that executes it.
func startProgram(t *testing.T, program string, flags ...string) *process {
	t.Helper()
	return &process{suite.Start(t, operatortest.Options{
		Binary: program, Access: cluster.Access, Metrics: true, Flags: append([]string{"--leader-elect"}, flags...)})}
}

// await returns when the sum of the gauges with the labels is at least the value.
func (o *process) await(t *testing.T, what string, least int, gauge string, labels ...string) {
	t.Helper()
	got := 0.0
	looked := func(ctx context.Context) (bool, error) {
		select {
		case <-o.Exited():
			return false, fmt.Errorf("the operator has exited with %d", o.ExitCode())
		default:
		}
		// An error means that the operator does not serve them yet.
		if sum, err := o.Gauge(ctx, cluster.Scraper, gauge, labels...); err == nil {
			got = sum
		}
		return got >= float64(least), nil
	}
	if err := wait.PollUntilContextTimeout(t.Context(), 500*time.Millisecond, await.Patience, true,
		looked); err != nil {
		t.Fatalf("%g %s, want at least %d: %v", got, what, least, err)
	}
}

// hold records the operator's memory so far, and fails the test if it is too much.
func (o *process) hold(t *testing.T, what string, n, most int) {
	t.Helper()
	u := o.UsageIn(t)
	figures.Note(t, what, n)
	figures.Note(t, "CPU", u.CPU)
	figures.AtMost(t, "peak RSS in MiB", int(u.PeakRSS/mib), most, true)
	figures.AtMost(t, "RSS in MiB", int(u.RSS/mib), most, true)
}
