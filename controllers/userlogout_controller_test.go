package controllers_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/await"
)

func TestLogsOut(t *testing.T) {
	tt := newTenant(t)
	obj := tt.logout()
	got := awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)

	wantCalls(tt, obj, 1)
	if n := len(service.Sessions(account, obj.Spec.UserID)); n != 0 {
		t.Errorf("%d sessions left", n)
	}
	s := got.Status
	if s.Attempts != 1 || s.ObservedGeneration != 1 || s.NextAttemptTime != nil || s.CompletionTime == nil ||
		s.StartTime == nil {
		t.Errorf("status %+v", s)
	}
	if s.LastAttempt == nil || !s.StartTime.Equal(&s.LastAttempt.Time) || s.StartTime.Before(&got.CreationTimestamp) ||
		s.CompletionTime.Before(s.StartTime) {
		t.Errorf("created %s, status %+v", got.CreationTimestamp, s)
	}
	for entry := range service.Follow(t.Context(), 0) {
		if entry.UserID != obj.Spec.UserID {
			continue
		}
		if s.LastAttempt == nil || s.LastAttempt.RequestID != entry.RequestID || s.LastAttempt.HTTPStatusCode != 204 {
			t.Errorf("last attempt %+v, journal %+v", s.LastAttempt, entry)
		}
		break
	}
}

// awaitEvent waits for an event with this reason about an object.
func awaitEvent(t *tenant, obj client.Object, reason string) *eventsv1.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	defer cancel()
	events, err := cluster.Watch(ctx, &eventsv1.EventList{}, client.MatchingFieldsSelector{Selector: fields.Set{
		"regarding.name": obj.GetName(), "reason": reason}.AsSelector()})
	if err != nil {
		t.Fatal(err)
	}
	defer events.Stop()
	for event := range events.ResultChan() {
		if e, ok := event.Object.(*eventsv1.Event); ok {
			return e
		}
	}
	t.Fatalf("no event %s about %s", reason, obj.GetName())
	return nil
}

func TestNewObjectIsNotTakenForDone(t *testing.T) {
	tt := newTenant(t)
	obj := tt.newLogout()
	tt.create(obj)
	if obj.Status.ObservedGeneration != -1 {
		t.Errorf("observedGeneration of a new object: %d, want -1", obj.Status.ObservedGeneration)
	}
}

func TestFailsForGood(t *testing.T) {
	tt := newTenant(t)
	obj := tt.newLogout() // the service does not know this user
	tt.create(obj)
	got := awaitReason(tt, obj, v1alpha1.ReasonNotFound)
	if c := meta.FindStatusCondition(got.Status.Conditions,
		v1alpha1.ConditionFinished); c.Status != metav1.ConditionTrue || c.Reason != v1alpha1.ReasonFailed {
		t.Errorf("Finished: %+v", c)
	}
	if got.Status.LastAttempt.HTTPStatusCode != 404 || got.Status.LastAttempt.Code != "NotFoundException" ||
		got.Status.LastAttempt.RequestID == "" {
		t.Errorf("last attempt %+v", got.Status.LastAttempt)
	}
	wantCalls(tt, obj, 1)
	if event := awaitEvent(tt, obj, v1alpha1.ReasonNotFound); event.Type != "Warning" {
		t.Errorf("event %+v", event)
	}
}

func TestThrottledTwiceThenLoggedOut(t *testing.T) {
	tt := newTenant(t)
	obj := tt.newLogout()
	service.SignIn(account, obj.Spec.UserID, "laptop")
	once := throttled(1)
	once.Header = map[string]string{"Retry-After": "2"}
	service.Script(account, obj.Spec.UserID, once, throttled(1))
	tt.create(obj)

	got := awaitReason(tt, obj, v1alpha1.ReasonThrottled)
	if wait := got.Status.NextAttemptTime.Sub(got.Status.LastAttempt.Time.Time); wait < 2*time.Second {
		t.Errorf("the next attempt is %s after this one, although the service asked for 2s", wait)
	}
	got = awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
	if got.Status.Attempts != 3 {
		t.Errorf("%d attempts", got.Status.Attempts)
	}
	wantCalls(tt, obj, 3)
	if event := awaitEvent(tt, obj, v1alpha1.ReasonThrottled); event.Type != "Warning" {
		t.Errorf("event %+v", event)
	}
	if event := awaitEvent(tt, obj, v1alpha1.ReasonLoggedOut); event.Type != "Normal" {
		t.Errorf("event %+v", event)
	}
}

func TestCallThatHangsIsCutAndRepeated(t *testing.T) {
	tt := newTenant(t)
	obj := tt.newLogout()
	service.SignIn(account, obj.Spec.UserID, "laptop")
	service.Script(account, obj.Spec.UserID, chimetest.Answer{Cut: chimetest.Hang})
	tt.create(obj)
	got := awaitReason(tt, obj, v1alpha1.ReasonEndpointUnreachable)
	if !strings.Contains(got.Status.LastAttempt.Message, "timeout") || got.Status.LastAttempt.HTTPStatusCode != 0 {
		t.Errorf("last attempt %+v", got.Status.LastAttempt)
	}
	awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
}

func TestSuspendHoldsAndResumeStartsTheClock(t *testing.T) {
	tt := newTenant(t)
	obj := tt.logout(func(o *v1alpha1.UserLogout) { o.Spec.Suspend = ptr.To(true) })
	got := awaitReason(tt, obj, v1alpha1.ReasonSuspended)
	if meta.FindStatusCondition(got.Status.Conditions, v1alpha1.ConditionReconciling) != nil ||
		got.Status.StartTime != nil {
		t.Errorf("suspended: %+v", got.Status)
	}
	wantCalls(tt, obj, 0)
	patch(tt, got, func(o *v1alpha1.UserLogout) { o.Spec.Suspend = ptr.To(false) })
	got = awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
	if got.Status.ObservedGeneration != 2 || got.Status.StartTime == nil {
		t.Errorf("resumed: %+v", got.Status)
	}
	wantCalls(tt, obj, 1)
}

func TestNotAfterHasPassed(t *testing.T) {
	tt := newTenant(t)
	obj := tt.logout(func(o *v1alpha1.UserLogout) {
		o.Spec.NotAfter = ptr.To(metav1.NewTime(time.Now().Add(-time.Minute)))
	})
	awaitReason(tt, obj, v1alpha1.ReasonDeadlineExceeded)
	wantCalls(tt, obj, 0)
}

func TestDeadlineWhileNothingCanBeDone(t *testing.T) {
	tt := newTenant(t)
	obj := tt.logout(func(o *v1alpha1.UserLogout) {
		o.Spec.ProviderRef.Name = "no-such-provider"
		o.Spec.ActiveDeadlineSeconds = 2
	})
	awaitReason(tt, obj, v1alpha1.ReasonProviderNotFound)
	got := awaitReason(tt, obj, v1alpha1.ReasonDeadlineExceeded)
	if m := meta.FindStatusCondition(got.Status.Conditions,
		v1alpha1.ConditionReady).Message; !strings.Contains(m, "no-such-provider") {
		t.Errorf("message %q", m)
	}
	wantCalls(tt, obj, 0)
}

// TestDeletedButKept checks that no call is made for an object that is deleted but kept by somebody's finalizer,
// whatever it waited for, and that it finishes.
func TestDeletedButKept(t *testing.T) {
	tt := newTenant(t)
	kept := func(o *v1alpha1.UserLogout) { o.Finalizers = []string{"example.com/keep"} }
	done := awaitReason(tt,
		tt.logout(kept, func(o *v1alpha1.UserLogout) { o.Spec.TTLSecondsAfterFinished = ptr.To(int32(0)) }),
		v1alpha1.ReasonLoggedOut)
	inCall := tt.newLogout(kept)
	service.SignIn(account, inCall.Spec.UserID, "laptop")
	call := service.Hold(account, inCall.Spec.UserID)
	tt.create(inCall)
	suspended := tt.logout(kept, func(o *v1alpha1.UserLogout) { o.Spec.Suspend = ptr.To(true) })
	blocked := tt.logout(kept, func(o *v1alpha1.UserLogout) { o.Spec.ProviderRef.Name = "no-such-provider" })
	<-call.Arrived()
	awaitReason(tt, suspended, v1alpha1.ReasonSuspended)
	awaitReason(tt, blocked, v1alpha1.ReasonProviderNotFound)
	deleting := func(o *v1alpha1.UserLogout) bool { return !o.DeletionTimestamp.IsZero() }
	for _, obj := range []*v1alpha1.UserLogout{inCall, suspended, blocked} {
		if err := cluster.Delete(t.Context(), obj,
			client.PropagationPolicy(metav1.DeletePropagationForeground)); err != nil {
			t.Fatal(err)
		}
		await.Object(tt, cluster, obj, "deleting", deleting)
	}
	await.Object(tt, cluster, done, "deleted by its TTL", deleting)
	call.Release()
	awaitReason(tt, inCall, v1alpha1.ReasonLoggedOut)
	for _, obj := range []*v1alpha1.UserLogout{suspended, blocked} {
		got := awaitReason(tt, obj, v1alpha1.ReasonDeleted)
		if !meta.IsStatusConditionTrue(got.Status.Conditions, v1alpha1.ConditionFinished) ||
			got.Status.CompletionTime == nil {
			t.Errorf("status %+v", got.Status)
		}
		wantCalls(tt, obj, 0)
	}
	wantCalls(tt, inCall, 1)
	for _, obj := range []*v1alpha1.UserLogout{inCall, suspended, blocked, done} {
		patch(tt, live(tt, obj), func(o *v1alpha1.UserLogout) { o.Finalizers = nil })
	}
}

func live(t *tenant, obj *v1alpha1.UserLogout) *v1alpha1.UserLogout {
	t.Helper()
	got := &v1alpha1.UserLogout{}
	if err := cluster.Get(t.Context(), client.ObjectKeyFromObject(obj), got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTTLDeletes(t *testing.T) {
	tt := newTenant(t)
	obj := tt.newLogout(func(o *v1alpha1.UserLogout) { o.Spec.TTLSecondsAfterFinished = ptr.To(int32(1)) })
	service.SignIn(account, obj.Spec.UserID, "laptop")
	awaitDeletion(tt, func() { tt.create(obj) })
	wantCalls(tt, obj, 1)
}

func TestTTLGivenToAFinishedObject(t *testing.T) {
	tt := newTenant(t)
	obj := awaitReason(tt, tt.logout(), v1alpha1.ReasonLoggedOut)
	awaitDeletion(tt, func() {
		patch(tt, obj, func(o *v1alpha1.UserLogout) { o.Spec.TTLSecondsAfterFinished = new(int32) })
	})
	wantCalls(tt, obj, 1)
}

// awaitDeletion calls do and waits until an object of the tenant has been deleted, which must have been logged out
// before.
func awaitDeletion(tt *tenant, do func()) {
	tt.Helper()
	events, err := cluster.Watch(tt.Context(), &v1alpha1.UserLogoutList{}, client.InNamespace(tt.namespace))
	if err != nil {
		tt.Fatal(err)
	}
	defer events.Stop()
	do()
	deadline := time.After(await.Patience)
	for {
		select {
		case event := <-events.ResultChan():
			if event.Type != watch.Deleted {
				continue
			}
			if got := event.Object.(*v1alpha1.UserLogout); readyReason(got.Status.Conditions) !=
				v1alpha1.ReasonLoggedOut {
				tt.Errorf("deleted before it was done: %+v", got.Status)
			}
			return
		case <-deadline:
			tt.Fatal("not deleted")
		}
	}
}

// TestOutcomeLandsWhateverIsEditedInFlight holds the call, edits everything that can be edited, and expects the outcome
// of that one call.
func TestOutcomeLandsWhateverIsEditedInFlight(t *testing.T) {
	tt := newTenant(t)
	obj := tt.newLogout()
	service.SignIn(account, obj.Spec.UserID, "laptop")
	hold := service.Hold(account, obj.Spec.UserID)
	tt.create(obj)
	<-hold.Arrived()
	patch(tt, obj, func(o *v1alpha1.UserLogout) {
		o.Labels = map[string]string{"a": "b"}
		o.Annotations = map[string]string{"c": "d"}
		o.Spec.Suspend = ptr.To(true)
		o.Spec.TTLSecondsAfterFinished = ptr.To(int32(3600))
	})
	hold.Release()
	got := await.Object(tt, cluster, obj, "LoggedOut at generation 2", func(o *v1alpha1.UserLogout) bool {
		return readyReason(o.Status.Conditions) == v1alpha1.ReasonLoggedOut && o.Status.ObservedGeneration == 2
	})
	if got.Labels["a"] != "b" || !*got.Spec.Suspend || got.Status.Attempts != 1 {
		t.Errorf("%+v", got)
	}
	wantCalls(tt, obj, 1)
}

// TestRecreatedInFlight checks that the outcome of a call for a deleted object is not stored in the object that has
// taken its name.
func TestRecreatedInFlight(t *testing.T) {
	tt := newTenant(t)
	old := tt.newLogout()
	service.SignIn(account, old.Spec.UserID, "laptop")
	first := service.Hold(account, old.Spec.UserID)
	tt.create(old)
	<-first.Arrived()
	if err := cluster.Delete(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	recreated := tt.newLogout()
	recreated.Name, recreated.Spec.UserID = old.Name, old.Spec.UserID
	second := service.Hold(account, old.Spec.UserID)
	tt.create(recreated)
	first.Release()
	<-second.Arrived() // the second object's own call, so the first outcome has been refused
	calling := awaitReason(tt, recreated, v1alpha1.ReasonCalling)
	if calling.UID != recreated.UID || calling.Status.LastAttempt != nil || calling.Status.Attempts != 1 {
		t.Errorf("the new object carries the old one's outcome: %+v", calling.Status)
	}
	second.Release()
	awaitReason(tt, recreated, v1alpha1.ReasonLoggedOut)
	wantCalls(tt, recreated, 2)
}

// TestFinishedObjectIsLeftAlone edits a finished object and expects only an acknowledgement.
func TestFinishedObjectIsLeftAlone(t *testing.T) {
	tt := newTenant(t)
	obj := tt.logout()
	done := awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
	patch(tt, done.DeepCopy(), func(o *v1alpha1.UserLogout) { o.Labels = map[string]string{"a": "b"} })
	patch(tt, done.DeepCopy(), func(o *v1alpha1.UserLogout) { o.Spec.Suspend = ptr.To(true) })
	patch(tt, done.DeepCopy(), func(o *v1alpha1.UserLogout) { o.Spec.Suspend = ptr.To(false) })
	got := await.Object(tt, cluster, obj, "acknowledged", func(o *v1alpha1.UserLogout) bool {
		return o.Status.ObservedGeneration == o.Generation && o.Generation > 1
	})
	if !got.Status.CompletionTime.Equal(done.Status.CompletionTime) || got.Status.Attempts != 1 ||
		readyReason(got.Status.Conditions) != v1alpha1.ReasonLoggedOut {
		t.Errorf("changed: %+v", got.Status)
	}
	wantCalls(tt, obj, 1)
}

// TestOneCallPerObjectWhileRelabelled changes labels of all objects all the time, so that caches are behind and claims
// conflict, and checks that each user is logged out once.
func TestOneCallPerObjectWhileRelabelled(t *testing.T) {
	tt := newTenant(t)
	created := make([]*v1alpha1.UserLogout, *objects)
	for i := range created {
		created[i] = tt.newLogout()
		service.SignIn(account, created[i].Spec.UserID, "laptop")
	}
	var exist, edits atomic.Int64
	done, stop := context.WithCancel(t.Context())
	var relabelling errgroup.Group
	for range 4 {
		relabelling.Go(func() error {
			for i := int64(0); done.Err() == nil; i++ {
				n := exist.Load()
				if n == 0 {
					continue
				}
				// It begins with the newest, which are not finished yet.
				obj := &v1alpha1.UserLogout{ObjectMeta: created[n-1-i%min(n, 100)].ObjectMeta}
				label := fmt.Appendf(nil, `{"metadata":{"labels":{"edit":"%d"}}}`, edits.Add(1))
				if err := cluster.Patch(done, obj, client.RawPatch(types.MergePatchType, label)); err != nil &&
					done.Err() == nil {
					return err
				}
			}
			return nil
		})
	}
	for _, obj := range created {
		tt.create(obj.DeepCopy())
		exist.Add(1)
	}
	for _, obj := range created {
		awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
	}
	stop()
	if err := relabelling.Wait(); err != nil {
		t.Error(err)
	}
	total := 0
	for _, obj := range created {
		wantCalls(tt, obj, 1)
		total += calls(obj)
	}
	t.Logf("%d objects, %d edits meanwhile, %d calls", len(created), edits.Load(), total)
	if edits.Load() < int64(len(created)) {
		t.Errorf("only %d edits: this proves little", edits.Load())
	}
}
