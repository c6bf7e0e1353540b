package controllers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// The tests in this file make one attempt against the real API server, with errors put between the two. The objects are
// suspended, so the operator that runs in the background only writes that they are suspended.

// service is a logout.Client made of one function.
type service func(ctx context.Context) (logout.Receipt, error)

func (service) CheckIDs(string, string) *logout.Error { return nil }

func (s service) Logout(ctx context.Context, _, _ string) (logout.Receipt, error) { return s(ctx) }

// trial is one object and the reconciler that attempts it.
type trial struct {
	*testing.T
	*userLogoutReconciler
	obj    *v1alpha1.UserLogout
	calls  int
	answer error // the service's answer
	during func()
	// lastLook is the check right before the call; nil for one that refuses nothing.
	lastLook func(context.Context, *v1alpha1.UserLogout) *lifecycle.Refusal
	result   ctrl.Result
}

func newTrial(t *testing.T, trouble interceptor.Funcs) *trial {
	t.Helper()
	t.Parallel()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "attempt-"}}
	if err := TestCluster.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	obj := &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: "jane"},
		Spec:       v1alpha1.UserLogoutSpec{AccountID: "account", UserID: "user", Suspend: ptr.To(true)},
	}
	if err := TestCluster.Create(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
	tr := &trial{T: t, obj: obj}
	tr.awaitHeld()
	tr.userLogoutReconciler = &userLogoutReconciler{
		Options: Options{CallTimeout: time.Minute, VisibilityTimeout: 2 * time.Minute},
		client:  interceptor.NewClient(TestCluster, trouble), apiReader: TestCluster,
		recorder: events.NewFakeRecorder(10), gates: gate.New(1), attempts: newInflight(),
		unfinished: newUnfinishedObjects(newWakeups()), finished: newFinishedObjects(newWakeups()),
	}
	return tr
}

// awaitHeld waits for the operator's own write, so that none comes later.
func (tr *trial) awaitHeld() {
	tr.Helper()
	events, err := TestCluster.Watch(tr.Context(), &v1alpha1.UserLogoutList{}, client.InNamespace(tr.obj.Namespace))
	if err != nil {
		tr.Fatal(err)
	}
	defer events.Stop()
	for event := range events.ResultChan() {
		if o, ok := event.Object.(*v1alpha1.UserLogout); ok &&
			lifecycle.Ready(o.Status).Reason == v1alpha1.ReasonSuspended {
			tr.obj = o
			return
		}
	}
	tr.Fatal("watch ended")
}

func (tr *trial) run() error {
	tr.Helper()
	var err error
	tr.result, err = tr.attemptWith(tr.Context(), service(func(context.Context) (logout.Receipt, error) {
		tr.calls++
		if tr.during != nil {
			tr.during()
		}
		return logout.Receipt{HTTPStatusCode: http.StatusNoContent, RequestID: "r"}, tr.answer
	}))
	return err
}

// attemptWith attempts the object with a service. Nothing refuses the call.
func (tr *trial) attemptWith(ctx context.Context, s service) (ctrl.Result, error) {
	tr.Helper()
	look := tr.lastLook
	if look == nil {
		look = stands
	}
	return tr.attempt(ctx, tr.obj, admission{s, tr.slot(), look})
}

// stands is the check of an admission that has not been withdrawn.
func stands(context.Context, *v1alpha1.UserLogout) *lifecycle.Refusal { return nil }

// slot returns a slot of the gate, whose calls are not paused.
func (tr *trial) slot() *gate.Slot {
	tr.Helper()
	slot, _ := tr.gates.Enter(gate.Settings{Name: "p", Limit: gate.Limit{PerSecond: 1000, Burst: 1000}},
		gate.Applicant{Object: client.ObjectKeyFromObject(tr.obj)})
	if slot == nil {
		tr.Fatal("no slot: an attempt has not released its own")
	}
	return slot
}

func (tr *trial) live() *v1alpha1.UserLogout {
	tr.Helper()
	var o v1alpha1.UserLogout
	if err := TestCluster.Get(tr.Context(), client.ObjectKeyFromObject(tr.obj), &o); err != nil {
		tr.Fatal(err)
	}
	return &o
}

var group = schema.GroupResource{Group: "logout-operator.io", Resource: "userlogouts"}

// failures makes the first writes of an outcome fail, one for each error. With committed, they fail only after the API
// server has carried them out.
func failures(committed bool, errs ...error) interceptor.Funcs {
	return interceptor.Funcs{SubResourcePatch: func(
		ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch,
		opts ...client.SubResourcePatchOption,
	) error {
		if len(errs) == 0 {
			return c.SubResource(sub).Patch(ctx, obj, patch, opts...)
		}
		err := errs[0]
		errs = errs[1:]
		if committed {
			if err := c.SubResource(sub).Patch(ctx, obj, patch, opts...); err != nil {
				return err
			}
		}
		return err
	}}
}

func TestOutcomeIsStoredInTheEnd(t *testing.T) {
	for _, tt := range []struct {
		name    string
		trouble interceptor.Funcs
	}{
		{"fair weather", interceptor.Funcs{}},
		{"connection refused", failures(false, errors.New("refused"), errors.New("refused"))},
		{"unavailable, throttled, conflict", failures(false, apierrors.NewServiceUnavailable("down"),
			apierrors.NewTooManyRequestsError("slow"), apierrors.NewConflict(group, "jane", errors.New("busy")))},
		{"stored, but the answer lost", failures(true, errors.New("reset"))},
		{"stored, and sent again by the client", interceptor.Funcs{SubResourcePatch: func(
			ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch,
			opts ...client.SubResourcePatchOption,
		) error {
			if err := c.SubResource(sub).Patch(ctx, obj, patch, opts...); err != nil {
				return err
			}
			return c.SubResource(sub).Patch(ctx, obj, patch, opts...)
		}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := newTrial(t, tt.trouble)
			if err := tr.run(); err != nil {
				t.Fatal(err)
			}
			if got := tr.live(); tr.calls != 1 || lifecycle.Ready(got.Status).Reason != v1alpha1.ReasonLoggedOut ||
				got.Status.Attempts != 1 {
				t.Errorf("%d calls, status %+v", tr.calls, got.Status)
			}
			select {
			case <-tr.recorder.(*events.FakeRecorder).Events:
			default:
				t.Error("no event")
			}
		})
	}
}

// TestLookUpFails checks that an outcome that an earlier try has stored does not count as lost if the object cannot be
// read at once.
func TestLookUpFails(t *testing.T) {
	tr := newTrial(t, failures(true, errors.New("reset")))
	looks := 0
	tr.apiReader = interceptor.NewClient(TestCluster, interceptor.Funcs{Get: func(
		ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption,
	) error {
		if looks++; looks == 1 {
			return apierrors.NewServiceUnavailable("down")
		}
		return c.Get(ctx, key, obj, opts...)
	}})
	if err := tr.run(); err != nil || tr.calls != 1 || looks != 2 ||
		len(tr.recorder.(*events.FakeRecorder).Events) != 1 {
		t.Errorf("%d calls, %d look-ups, %d events, error %v", tr.calls, looks,
			len(tr.recorder.(*events.FakeRecorder).Events), err)
	}
}

func TestRefusalThatStaysEndsTheHold(t *testing.T) {
	tr := newTrial(t, failures(false, apierrors.NewForbidden(group, "jane", errors.New("no"))))
	before := testutil.ToFloat64(outcomesUnstored.WithLabelValues("Forbidden"))
	if err := tr.run(); err != nil {
		t.Fatal(err)
	}
	if got := tr.live(); !lifecycle.Calling(got) {
		t.Errorf("status %+v, want the claim", got.Status)
	}
	if _, kept := tr.unstored.of(tr.live(), time.Now()); !kept {
		t.Error("the outcome is forgotten")
	}
	if tr.result.RequeueAfter <= 0 {
		t.Error("nothing wakes the object when its claim has run out")
	}
	if n := testutil.ToFloat64(outcomesUnstored.WithLabelValues("Forbidden")) - before; n != 1 {
		t.Errorf("counted %v", n)
	}
	if told := tr.told(); len(told) != 1 || !strings.Contains(told[0], v1alpha1.ReasonStatusUnstored) {
		t.Errorf("events %q", told)
	}
}

// told returns the events so far.
func (tr *trial) told() (told []string) {
	for recorded := tr.recorder.(*events.FakeRecorder).Events; len(recorded) > 0; {
		told = append(told, <-recorded)
	}
	return told
}

// TestRefusalAfterTheClaimRanOut checks that an object is attempted again if storing its outcome took longer than its
// claim stands.
func TestRefusalAfterTheClaimRanOut(t *testing.T) {
	tr := newTrial(t, failures(false, apierrors.NewBadRequest("no")))
	tr.VisibilityTimeout = -time.Minute
	if err := tr.run(); err != nil || tr.calls != 1 || tr.result.RequeueAfter <= 0 {
		t.Errorf("%d calls, result %+v, error %v", tr.calls, tr.result, err)
	}
}

func TestDeletedInFlight(t *testing.T) {
	tr := newTrial(t, interceptor.Funcs{})
	tr.during = func() {
		if err := TestCluster.Delete(t.Context(), tr.obj); err != nil {
			t.Error(err)
		}
	}
	before := testutil.ToFloat64(outcomesUnstored.WithLabelValues("NotFound"))
	if err := tr.run(); err != nil || tr.calls != 1 || tr.result.RequeueAfter != 0 {
		t.Errorf("%d calls, result %+v, error %v", tr.calls, tr.result, err)
	}
	if n := testutil.ToFloat64(outcomesUnstored.WithLabelValues("NotFound")) - before; n != 0 {
		t.Errorf("a deletion counted as %v outcomes lost", n)
	}
	if len(tr.recorder.(*events.FakeRecorder).Events) > 0 {
		t.Error("an event about an object that is gone")
	}
}

// TestNotFoundIsNoDeletion checks that objects do not count as deleted while the API server does not serve their kind.
func TestNotFoundIsNoDeletion(t *testing.T) {
	notFound := apierrors.NewNotFound(group, "jane")
	t.Run("claim", func(t *testing.T) {
		tr := newTrial(t, interceptor.Funcs{SubResourceUpdate: func(context.Context, client.Client, string,
			client.Object, ...client.SubResourceUpdateOption) error {
			return notFound
		}})
		tr.unfinished.Put(tr.obj)
		if err := tr.run(); !apierrors.IsNotFound(err) || tr.calls != 0 {
			t.Errorf("%d calls, error %v", tr.calls, err)
		}
		if _, err := tr.remove(t.Context(), tr.obj); err != nil {
			t.Errorf("a deletion: %v", err)
		}
		if _, err := tr.remove(t.Context(), tr.obj); !apierrors.IsNotFound(err) {
			t.Errorf("not heard of: %v", err)
		}
		tr.unfinished.Delete(client.ObjectKeyFromObject(tr.obj))
		if _, err := tr.remove(t.Context(), tr.obj); err != nil {
			t.Errorf("gone: %v", err)
		}
	})
	t.Run("outcome for a moment", func(t *testing.T) {
		tr := newTrial(t, failures(false, notFound, notFound))
		tr.unfinished.Put(tr.obj)
		if err := tr.run(); err != nil || tr.calls != 1 ||
			lifecycle.Ready(tr.live().Status).Reason != v1alpha1.ReasonLoggedOut {
			t.Errorf("%d calls, status %+v, error %v", tr.calls, tr.live().Status, err)
		}
	})
	t.Run("outcome", func(t *testing.T) {
		tr := newTrial(t, failures(false, slices.Repeat([]error{notFound}, notFoundTries+1)...))
		tr.unfinished.Put(tr.obj)
		if err := tr.run(); err != nil || tr.calls != 1 || tr.result.RequeueAfter <= 0 {
			t.Errorf("%d calls, result %+v, error %v", tr.calls, tr.result, err)
		}
		for stored := range 2 { // still not found, then found
			kept, ok := tr.unstored.of(tr.live(), time.Now())
			if !ok {
				t.Fatal("the outcome is forgotten")
			}
			if _, err := tr.storeKept(t.Context(), kept, kept.next); err != nil {
				t.Errorf("try %d: %v", stored, err)
			}
		}
		if is := tr.live().Status; lifecycle.Ready(is).Reason != v1alpha1.ReasonLoggedOut {
			t.Errorf("status %+v", is)
		}
	})
	t.Run("outcome, heard of the deletion late", func(t *testing.T) {
		tr := newTrial(t, interceptor.Funcs{SubResourcePatch: func(context.Context, client.Client, string,
			client.Object, client.Patch, ...client.SubResourcePatchOption) error {
			return notFound
		}})
		tr.unfinished.Put(tr.obj)
		tr.during = func() {
			time.AfterFunc(50*time.Millisecond, func() { tr.unfinished.Delete(client.ObjectKeyFromObject(tr.obj)) })
		}
		if err := tr.run(); err != nil || tr.calls != 1 || tr.result.RequeueAfter != 0 || len(tr.told()) > 0 {
			t.Errorf("%d calls, result %+v, error %v", tr.calls, tr.result, err)
		}
	})
}

func TestNoCallWithoutAClaim(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want bool // whether the attempt returns an error
	}{
		{"conflict", apierrors.NewConflict(group, "jane", errors.New("changed")), false},
		{"gone", apierrors.NewNotFound(group, "jane"), false},
		{"down", apierrors.NewServiceUnavailable("down"), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := newTrial(t, interceptor.Funcs{SubResourceUpdate: func(
				context.Context, client.Client, string, client.Object, ...client.SubResourceUpdateOption,
			) error {
				return tt.err
			}})
			if err := tr.run(); (err != nil) != tt.want {
				t.Errorf("error %v", err)
			}
			if tr.calls != 0 {
				t.Error("called without a claim")
			}
		})
	}
}

// TestStaleCache checks that no call is made if the object has changed since the cache saw it.
func TestStaleCache(t *testing.T) {
	tr := newTrial(t, interceptor.Funcs{})
	changed := tr.obj.DeepCopy()
	changed.Labels = map[string]string{"a": "b"}
	if err := TestCluster.Update(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	if err := tr.run(); err != nil || tr.calls != 0 || tr.live().Status.Attempts != 0 {
		t.Errorf("%d calls, error %v", tr.calls, err)
	}
}

// TestLaterAttempt checks that the outcome is dropped if another operator has claimed the object again, or finished it,
// during the call.
func TestLaterAttempt(t *testing.T) {
	for name, overtake := range map[string]func(*v1alpha1.UserLogout) v1alpha1.UserLogoutStatus{
		"claimed": func(o *v1alpha1.UserLogout) v1alpha1.UserLogoutStatus {
			return lifecycle.Claimed(o, time.Now(), time.Minute)
		},
		"finished": func(o *v1alpha1.UserLogout) v1alpha1.UserLogoutStatus { return refused(o, time.Now()) },
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrial(t, interceptor.Funcs{})
			var overtaken *v1alpha1.UserLogout
			tr.during = func() {
				overtaken = tr.live()
				overtaken.Status = overtake(overtaken)
				if err := TestCluster.Status().Update(t.Context(), overtaken); err != nil {
					t.Error(err)
				}
			}
			if err := tr.run(); err != nil {
				t.Fatal(err)
			}
			if got := tr.live(); !equalStatus(got.Status, overtaken.Status) {
				t.Errorf("overwritten: %+v", got.Status)
			}
		})
	}
}

func TestProviderThatBreaksItsContract(t *testing.T) {
	tr := newTrial(t, interceptor.Funcs{})
	tr.answer = errors.New("secret=hunter2")
	if err := tr.run(); err != nil {
		t.Fatal(err)
	}
	got := tr.live()
	if got.Status.LastAttempt == nil || got.Status.LastAttempt.Message == "" ||
		meta.IsStatusConditionTrue(got.Status.Conditions, v1alpha1.ConditionFinished) {
		t.Errorf("status %+v", got.Status)
	}
	if strings.Contains(fmt.Sprintf("%+v", got), "hunter2") {
		t.Error("the error is quoted in the object")
	}
}

// TestDrainedProcessBeginsNothing checks that a process that is about to exit makes no more claims.
func TestDrainedProcessBeginsNothing(t *testing.T) {
	tr := newTrial(t, interceptor.Funcs{})
	tr.attempts.drain(t.Context())
	if err := tr.run(); err != nil || tr.calls != 0 || tr.live().Status.Attempts != 0 {
		t.Errorf("%d calls, error %v", tr.calls, err)
	}
}

// lateIn makes the claim come back with a notAfter that is this far ahead. The stored object has none, because the
// operator in the background would act on it.
func lateIn(d time.Duration) interceptor.Funcs {
	return interceptor.Funcs{SubResourceUpdate: func(
		ctx context.Context, c client.Client, sub string, obj client.Object, opts ...client.SubResourceUpdateOption,
	) error {
		err := c.SubResource(sub).Update(ctx, obj, opts...)
		obj.(*v1alpha1.UserLogout).Spec.NotAfter = ptr.To(metav1.NewTime(time.Now().Add(d)))
		return err
	}}
}

// TestCallIsBoundedByTheClaim checks that a call never outlasts notAfter.
func TestCallIsBoundedByTheClaim(t *testing.T) {
	tr := newTrial(t, lateIn(time.Hour))
	tr.CallTimeout = 2 * time.Hour
	called := false
	_, err := tr.attemptWith(t.Context(), service(func(ctx context.Context) (logout.Receipt, error) {
		called = true
		if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > time.Hour {
			t.Errorf("the call may take until %s, after notAfter", deadline)
		}
		return logout.Receipt{HTTPStatusCode: http.StatusNoContent}, nil
	}))
	if err != nil || !called {
		t.Errorf("called: %t, error %v", called, err)
	}
}

// TestLateClaim checks that no call is made if a slow API server has left little time for it. The object is attempted
// again after a backoff, and its clock runs.
func TestLateClaim(t *testing.T) {
	var outcome []byte
	tr := newTrial(t, interceptor.Funcs{SubResourcePatch: func(
		ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch,
		opts ...client.SubResourcePatchOption,
	) (err error) {
		if outcome, err = patch.Data(obj); err != nil {
			return err
		}
		return c.SubResource(sub).Patch(ctx, obj, patch, opts...)
	}, SubResourceUpdate: func(
		ctx context.Context, c client.Client, sub string, obj client.Object, opts ...client.SubResourceUpdateOption,
	) error {
		err := c.SubResource(sub).Update(ctx, obj, opts...)
		end, _ := ctx.Deadline()
		<-time.After(time.Until(end) - 200*time.Millisecond)
		return err
	}})
	tr.CallTimeout = time.Second
	if err := tr.run(); err != nil {
		t.Fatal(err)
	}
	// The check uses the outcome as written, because the operator in the background may have written the object since.
	if s := string(outcome); tr.calls != 0 || tr.live().Status.Attempts != 1 ||
		!strings.Contains(s, `"nextAttemptTime":`) || !strings.Contains(s, `"startTime":`) {
		t.Errorf("%d calls, outcome %s", tr.calls, s)
	}
	tr.slot().Release()
}

// TestCutOffByNotAfter checks that a timeout caused by the object's notAfter is not counted against the service.
// Otherwise a tenant could pause the calls of a provider.
func TestCutOffByNotAfter(t *testing.T) {
	tr := newTrial(t, lateIn(3*time.Second))
	_, err := tr.attemptWith(t.Context(), service(func(ctx context.Context) (logout.Receipt, error) {
		tr.calls++
		<-ctx.Done()
		return logout.Receipt{}, &logout.Error{Reason: logout.EndpointUnreachable, Message: "timeout"}
	}))
	// The operator in the background may have written the object since.
	if is := tr.live().Status; err != nil || tr.calls != 1 || is.LastAttempt == nil ||
		is.LastAttempt.Message != "timeout" {
		t.Errorf("%d calls, error %v, status %+v", tr.calls, err, is)
	}
	tr.slot().Release() // calls are not paused
}

// TestStopDuringTheClaim checks that an attempt that has begun is finished; otherwise its claim would have to run out.
func TestStopDuringTheClaim(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	tr := newTrial(t, interceptor.Funcs{SubResourceUpdate: func(
		ctx context.Context, c client.Client, sub string, obj client.Object, opts ...client.SubResourceUpdateOption,
	) error {
		stop()
		return c.SubResource(sub).Update(ctx, obj, opts...)
	}})
	_, err := tr.attemptWith(ctx, service(func(context.Context) (logout.Receipt, error) {
		return logout.Receipt{HTTPStatusCode: http.StatusNoContent}, nil
	}))
	if is := lifecycle.Ready(tr.live().Status).Reason; err != nil || is != v1alpha1.ReasonLoggedOut {
		t.Errorf("%s, error %v", is, err)
	}
}

// TestHeldBeforeTheCall checks that no call is made if a failure becomes known between claim and call. The object then
// waits for its turn, not for the end of its claim.
func TestHeldBeforeTheCall(t *testing.T) {
	var tr *trial
	var outcome string // as written: the operator in the background suspends the object again at once
	tr = newTrial(t, interceptor.Funcs{
		SubResourceUpdate: func(
			ctx context.Context, c client.Client, sub string, obj client.Object, opts ...client.SubResourceUpdateOption,
		) error {
			tr.gates.Update(gate.Settings{Name: "p", Limit: gate.Limit{PerSecond: 1, Burst: 1}, Client: service(nil)})
			return c.SubResource(sub).Update(ctx, obj, opts...)
		},
		SubResourcePatch: func(
			ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch,
			opts ...client.SubResourcePatchOption,
		) error {
			data, err := patch.Data(obj)
			outcome = string(data)
			return errors.Join(err, c.SubResource(sub).Patch(ctx, obj, patch, opts...))
		},
	})
	if err := tr.run(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(outcome, `"reason":"Queued"`) {
		t.Errorf("outcome %s, want the reason Queued", outcome)
	}
	if is := tr.live().Status; tr.calls != 0 || is.Attempts != 1 || is.NextAttemptTime != nil {
		t.Errorf("%d calls, status %+v", tr.calls, is)
	}
	tr.slot().Release() // the attempt has given its own slot back
}

// TestWithdrawnBeforeTheCall checks that no call is made if it becomes forbidden between claim and call.
func TestWithdrawnBeforeTheCall(t *testing.T) {
	for reason, want := range map[string]string{
		v1alpha1.ReasonProviderNotFound: v1alpha1.ReasonProviderNotFound,
		v1alpha1.ReasonProviderNotReady: v1alpha1.ReasonProviderNotReady,
		v1alpha1.ReasonNotAllowed:       v1alpha1.ReasonNotAllowed,
		v1alpha1.ReasonQueued:           v1alpha1.ReasonQueued,
	} {
		t.Run(reason, func(t *testing.T) {
			var outcome string // as written: the operator in the background suspends the object again at once
			tr := newTrial(t, interceptor.Funcs{
				SubResourcePatch: func(
					ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch,
					opts ...client.SubResourcePatchOption,
				) error {
					data, err := patch.Data(obj)
					outcome = string(data)
					return errors.Join(err, c.SubResource(sub).Patch(ctx, obj, patch, opts...))
				},
			})
			tr.lastLook = func(_ context.Context, claim *v1alpha1.UserLogout) *lifecycle.Refusal {
				if !lifecycle.Calling(claim) {
					t.Error("looked before the claim")
				}
				return &lifecycle.Refusal{Reason: reason, Message: "it has been taken back"}
			}
			if err := tr.run(); err != nil {
				t.Fatal(err)
			}
			if tr.calls != 0 || !strings.Contains(outcome, fmt.Sprintf(`"reason":%q`, want)) ||
				!strings.Contains(outcome, "it has been taken back") {
				t.Errorf("%d calls, outcome %s", tr.calls, outcome)
			}
			if is := tr.live().Status; is.Attempts != 1 || is.NextAttemptTime != nil {
				t.Errorf("status %+v", is)
			}
			tr.slot().Release() // the attempt has given its own slot back
		})
	}
}
