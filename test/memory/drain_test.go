package memory

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

const (
	// workers of the operator: how many calls can be in flight, and so be repeated after a SIGKILL.
	workers = 50
	// page is how many objects are listed at a time.
	page = 500
)

// drain is a backlog that operators log out, one operator after the other.
type drain struct {
	n       int
	service *chimetest.Server
	began   []time.Time // when each operator was started
}

// TestDrain: a backlog that waits for longer than activeDeadlineSeconds is logged out to the last object, within the
// memory of the container. The first operator is killed in the middle, as by the kernel or with its node: its state is
// lost. The second is terminated, as in an upgrade: it gives up its lease and leaves no outcome unknown.
func TestDrain(t *testing.T) {
	d := newDrain(t, suite.Either(1500, 100_000), suite.Either(15, 100))
	for _, stage := range []struct {
		name       string
		await, end func(*testing.T, *process)
	}{
		{"half of it, then SIGKILL", d.awaitCalls(d.n / 2), func(_ *testing.T, o *process) { o.Kill() }},
		{"to three quarters, then SIGTERM", d.awaitCalls(d.n * 3 / 4), func(t *testing.T, o *process) { o.Stop(t) }},
		{"the rest", d.awaitFinished, nil},
	} {
		if !t.Run(stage.name, func(t *testing.T) { d.run(t, stage.await, stage.end) }) {
			t.FailNow()
		}
	}
	d.verify(t)
}

// newDrain creates the objects while no operator runs.
func newDrain(t *testing.T, n, perSecond int) *drain {
	t.Helper()
	d := &drain{n: n, service: chimetest.NewServer(chimetest.Options{Credentials: []aws.Credentials{credentials}})}
	t.Cleanup(d.service.Close)
	t.Cleanup(func() {
		if err := cluster.Apply(context.Background(), []byte(slowProvider())); err != nil {
			t.Error(err)
		}
	})
	if err := cluster.Apply(t.Context(),
		[]byte(operatortest.DefaultProvider(d.service.URL, perSecond, 5))); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		spec := waiting(i).Spec
		d.service.SignIn(spec.AccountID, spec.UserID, "laptop", "phone")
	}
	create(t, n, waiting)
	return d
}

// waiting is an object with the default of activeDeadlineSeconds; every other one has less than it will wait.
func waiting(i int) *v1alpha1.UserLogout {
	obj := object(tenant, i)
	obj.Spec.ActiveDeadlineSeconds = 0
	if i%2 == 1 {
		obj.Spec.ActiveDeadlineSeconds = suite.Either[int32](60, 300)
	}
	return obj
}

// run lets an operator make calls, and ends it.
func (d *drain) run(t *testing.T, until, end func(*testing.T, *process)) {
	c := newCgroup(t)
	// In the short form, a claim that a SIGKILL leaves behind expires sooner, well before its object's deadline.
	o := startIn(t, c, suite.Either([]string{"--visibility-timeout=20s", "--leader-elect=false"}, nil)...)
	d.began = append(d.began, time.Now())
	until(t, o)
	figures.Note(t, "calls so far", d.service.Calls("", ""))
	o.hold(t, "objects", d.n, container/mib)
	c.hold(t)
	if end != nil {
		end(t, o)
	}
}

// whileRunning is a context that ends when the operator exits, or after the patience of the test.
func (o *process) whileRunning(t *testing.T) context.Context {
	t.Helper()
	ctx, exited := context.WithCancelCause(t.Context())
	ctx, cancel := context.WithTimeout(ctx, await.Patience)
	t.Cleanup(cancel)
	go func() {
		select {
		case <-o.Exited():
			exited(errors.New("the operator has exited"))
		case <-ctx.Done():
		}
	}()
	return ctx
}

// awaitCalls waits until the service has had this many calls.
func (d *drain) awaitCalls(calls int) func(*testing.T, *process) {
	return func(t *testing.T, o *process) {
		t.Helper()
		if err := d.service.WaitForCalls(o.whileRunning(t), calls); err != nil {
			t.Fatalf("%v; objects by the reason of Ready: %v", err, d.reasons(t))
		}
	}
}

// awaitFinished waits until all objects have finished.
func (d *drain) awaitFinished(t *testing.T, o *process) {
	t.Helper()
	ctx := o.whileRunning(t)
	finished := func(ctx context.Context) (bool, error) {
		var left v1alpha1.UserLogoutList
		err := cluster.Admin.List(ctx, &left, client.InNamespace(tenant),
			client.MatchingFields{"status.completionTime": ""}, client.Limit(1))
		return len(left.Items) == 0, err
	}
	if err := wait.PollUntilContextCancel(ctx, suite.Either(500*time.Millisecond, 5*time.Second), true,
		finished); err != nil {
		t.Fatalf("%v: %v; objects by the reason of Ready: %v", err, context.Cause(ctx), d.reasons(t))
	}
}

// verify checks all objects and all calls, and records the figures.
func (d *drain) verify(t *testing.T) {
	t.Helper()
	journal, refused, calls := d.service.Journal(), 0, map[string][]chimetest.Entry{}
	for _, e := range journal {
		calls[e.UserID] = append(calls[e.UserID], e)
		if e.Status != http.StatusNoContent {
			refused++
		}
	}
	seen, left, repeated, unexplained, overdue := 0, d.n, 0, 0, 0
	for obj := range d.objects(t) {
		seen++
		of, s := calls[obj.Spec.UserID], obj.Status
		if reason(obj) == v1alpha1.ReasonLoggedOut &&
			meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionFinished) &&
			len(of) > 0 && len(d.service.Sessions(obj.Spec.AccountID, obj.Spec.UserID)) == 0 {
			left--
		} else {
			t.Logf("%s is not logged out after %d calls: %+v", obj.Name, len(of), s)
		}
		if len(of) > 1 {
			if repeated++; !d.killedIn(of) || int(s.Attempts) < len(of) {
				unexplained++
			}
		}
		if s.StartTime != nil &&
			s.StartTime.Sub(obj.CreationTimestamp.Time) > time.Duration(obj.Spec.ActiveDeadlineSeconds)*time.Second {
			overdue++
		}
	}
	took := journal[len(journal)-1].Time.Sub(journal[0].Time)
	figures.Note(t, "objects", d.n)
	figures.Note(t, "time from the first call to the last", took)
	figures.Note(t, "calls a second", int(float64(len(journal))/took.Seconds()))
	figures.Note(t, "objects that waited for longer than activeDeadlineSeconds", overdue)
	figures.AtMost(t, "objects that are not logged out", left, 0, true)
	figures.AtMost(t, "objects that ended as DeadlineExceeded", d.reasons(t)[v1alpha1.ReasonDeadlineExceeded], 0, true)
	figures.AtMost(t, "calls repeated after SIGKILL", repeated, workers, true)
	figures.AtMost(t, "calls repeated without it", unexplained, 0, true)
	figures.AtMost(t, "calls beside these", len(journal)-d.n-repeated, 0, true)
	figures.AtMost(t, "calls that the service refused", refused, 0, true)
	if seen != d.n {
		t.Errorf("%d objects, want %d", seen, d.n)
	}
	if overdue == 0 {
		t.Error("no object waited for so long that it could have expired")
	}
}

// killedIn reports whether a call was made once by the killed operator, and once by the next.
func (d *drain) killedIn(calls []chimetest.Entry) bool {
	next := d.began[1]
	return len(calls) == 2 && calls[0].Time.Before(next) && calls[1].Time.After(next)
}

// reasons counts the objects by the reason of the Ready condition.
func (d *drain) reasons(t *testing.T) map[string]int {
	t.Helper()
	n := map[string]int{}
	for obj := range d.objects(t) {
		n[reason(obj)]++
	}
	return n
}

// reason of the Ready condition; empty if there is none.
func reason(obj *v1alpha1.UserLogout) string {
	if ready := meta.FindStatusCondition(obj.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		return ready.Reason
	}
	return ""
}

// objects yields all objects, of which it lists some at a time.
func (d *drain) objects(t *testing.T) func(yield func(*v1alpha1.UserLogout) bool) {
	return func(yield func(*v1alpha1.UserLogout) bool) {
		for from := ""; ; {
			list := &v1alpha1.UserLogoutList{}
			err := cluster.Admin.List(t.Context(), list, client.InNamespace(tenant), client.Limit(page),
				client.Continue(from))
			if err != nil {
				t.Fatal(err)
			}
			for i := range list.Items {
				if !yield(&list.Items[i]) {
					return
				}
			}
			if from = list.Continue; from == "" {
				return
			}
		}
	}
}
