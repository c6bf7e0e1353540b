package faults

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/await"
)

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// nameFor returns the name of the test's n-th object. It is also the user's ID: each object has its own user, so that
// the journal shows whose call it was. The words distinguish several kinds of objects in a test.
func nameFor(t *testing.T, n int, words ...string) string {
	text := strings.Join(append([]string{t.Name()}, words...), " ")
	name := fmt.Sprintf("%s-%d", strings.Trim(notInNames.ReplaceAllString(strings.ToLower(text), "-"), "-"), n)
	if r := rounds.of(t); r > 1 {
		name += fmt.Sprintf("-r%d", r)
	}
	return name
}

// rounds counts how often each test has run: with -count, a test runs more than once, on one cluster and one service.
var rounds roundCounter

type roundCounter struct {
	mu     sync.Mutex
	latest map[string]*testing.T // by the test's name
	count  map[string]int
}

// of returns the number of the test's round, from 1.
func (c *roundCounter) of(t *testing.T) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.latest == nil {
		c.latest, c.count = map[string]*testing.T{}, map[string]int{}
	}
	if c.latest[t.Name()] != t {
		c.latest[t.Name()] = t
		c.count[t.Name()]++
	}
	return c.count[t.Name()]
}

// create signs the user in and creates the object that logs them out.
func create(t *testing.T, name string) *v1alpha1.UserLogout {
	t.Helper()
	service.SignIn(account, name, "laptop", "phone")
	obj := newUserLogout(name)
	if err := admin.Create(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
	return obj
}

// newUserLogout returns an object that is not created yet.
func newUserLogout(name string) *v1alpha1.UserLogout {
	return &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: name},
		Spec:       v1alpha1.UserLogoutSpec{AccountID: account, UserID: name},
	}
}

// awaitFinished waits until the object, not one re-created under its name, has finished, and returns its last status.
func awaitFinished(t *testing.T, obj *v1alpha1.UserLogout) v1alpha1.UserLogoutStatus {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	defer cancel()
	w, err := admin.Watch(ctx, &v1alpha1.UserLogoutList{}, client.InNamespace(obj.Namespace),
		client.MatchingFields{"metadata.name": obj.Name})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	var last v1alpha1.UserLogoutStatus
	for event := range w.ResultChan() {
		seen, ok := event.Object.(*v1alpha1.UserLogout)
		if !ok || seen.UID != obj.UID {
			continue
		}
		last = seen.Status
		if event.Type == watch.Deleted {
			t.Fatalf("%s was deleted", obj.Name)
		}
		if meta.IsStatusConditionTrue(last.Conditions, v1alpha1.ConditionFinished) {
			return last
		}
	}
	t.Fatalf("%s has not finished: %+v", obj.Name, last)
	return last
}

// finishedObject returns the object with only the fields that are the same for all objects that succeed, however they
// got there.
func finishedObject(t *testing.T, obj *v1alpha1.UserLogout) *v1alpha1.UserLogout {
	t.Helper()
	got := &v1alpha1.UserLogout{}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(obj), got); err != nil {
		t.Fatal(err)
	}
	m, s := got.ObjectMeta, got.Status.DeepCopy()
	s.StartTime, s.CompletionTime, s.Attempts = nil, nil, 0
	if s.LastAttempt != nil {
		s.LastAttempt.Time, s.LastAttempt.RequestID = metav1.Time{}, ""
	}
	for i := range s.Conditions {
		s.Conditions[i].LastTransitionTime = metav1.Time{}
	}
	return &v1alpha1.UserLogout{Status: *s,
		ObjectMeta: metav1.ObjectMeta{Generation: m.Generation, Finalizers: m.Finalizers,
			Annotations: m.Annotations, OwnerReferences: m.OwnerReferences, DeletionTimestamp: m.DeletionTimestamp}}
}

// faultFree is the result of finishedObject for an object without a fault: the third oracle.
var faultFree *v1alpha1.UserLogout

// verify waits until the object has finished and checks that its user is logged out, with so many calls and attempts,
// and that the object is the same as one without a fault.
func verify(t *testing.T, obj *v1alpha1.UserLogout, calls, attempts int) v1alpha1.UserLogoutStatus {
	t.Helper()
	status := awaitFinished(t, obj)
	if ready := meta.FindStatusCondition(status.Conditions,
		v1alpha1.ConditionReady); ready.Reason != v1alpha1.ReasonLoggedOut {
		t.Errorf("%s: finished as %s: %s", obj.Name, ready.Reason, ready.Message)
	}
	if n := len(service.Sessions(account, obj.Spec.UserID)); n > 0 {
		t.Errorf("%s: the user still has %d sessions", obj.Name, n)
	}
	if int(status.Attempts) != attempts {
		t.Errorf("%s: %d attempts, want %d", obj.Name, status.Attempts, attempts)
	}
	verifyCalls(t, obj.Spec.UserID, calls)
	if got := finishedObject(t, obj); faultFree != nil && !equality.Semantic.DeepEqual(got, faultFree) {
		t.Errorf("%s: finished as %+v, without a fault as %+v", obj.Name, got, faultFree)
	}
	return status
}

// awaitAll waits until the objects, which may be very many, have finished, and returns when each was seen to have
// finished.
func awaitAll(t *testing.T, objects []*v1alpha1.UserLogout) map[string]time.Time {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	defer cancel()
	names, finished := map[types.UID]string{}, map[string]time.Time{}
	for _, obj := range objects {
		names[obj.UID] = obj.Name
	}
	note := func(seen *v1alpha1.UserLogout) {
		if name := names[seen.UID]; name != "" &&
			meta.IsStatusConditionTrue(seen.Status.Conditions, v1alpha1.ConditionFinished) {
			finished[name] = time.Now()
			delete(names, seen.UID)
		}
	}
	for len(names) > 0 {
		// The API server ends a watch if the test cannot keep up with so many changes.
		if err := listAndWatch(ctx, note, func() bool { return len(names) == 0 }); err != nil {
			t.Fatalf("%d of %d objects have not finished: %v", len(names), len(objects), err)
		}
	}
	return finished
}

// listAndWatch passes all objects of the tenant, and their changes, to note until the watch ends or enough returns
// true.
func listAndWatch(ctx context.Context, note func(*v1alpha1.UserLogout), enough func() bool) error {
	list := &v1alpha1.UserLogoutList{}
	if err := admin.List(ctx, list, client.InNamespace(tenant)); err != nil {
		return err
	}
	for i := range list.Items {
		note(&list.Items[i])
	}
	from := &client.ListOptions{Namespace: tenant, Raw: &metav1.ListOptions{ResourceVersion: list.ResourceVersion}}
	w, err := admin.Watch(ctx, &v1alpha1.UserLogoutList{}, from)
	if err != nil {
		return err
	}
	defer w.Stop()
	for !enough() {
		event, more := <-w.ResultChan()
		if !more {
			return ctx.Err()
		}
		if seen, ok := event.Object.(*v1alpha1.UserLogout); ok {
			note(seen)
		}
	}
	return nil
}

func namesOf(objects []*v1alpha1.UserLogout) (names []string) {
	for _, obj := range objects {
		names = append(names, obj.Name)
	}
	return names
}

// tally has the number of calls to each user whose object is done.
var tally struct {
	mu    sync.Mutex
	calls map[string]int
}

// verifyCalls checks how many calls to a user the journal has. There must never be another: see recount.
func verifyCalls(t *testing.T, userID string, calls int) {
	t.Helper()
	if got := service.Calls(account, userID); got != calls {
		t.Errorf("%s: %d calls, want %d", userID, got, calls)
		for _, call := range service.Journal() {
			if call.UserID == userID {
				t.Logf("%s, status %d", call.Time.Format(time.StampMilli), call.Status)
			}
		}
	}
	tally.mu.Lock()
	defer tally.mu.Unlock()
	if tally.calls == nil {
		tally.calls = map[string]int{}
	}
	tally.calls[userID] = calls
}

// recount checks that the operators of later tests, each of which has seen the objects of all earlier tests, have not
// called for any of them again.
func recount() error {
	tally.mu.Lock()
	defer tally.mu.Unlock()
	var late []error
	for userID, calls := range tally.calls {
		if got := service.Calls(account, userID); got != calls {
			late = append(late, fmt.Errorf("%s: %d calls at the end of all tests, want %d", userID, got, calls))
		}
	}
	return errors.Join(late...)
}
