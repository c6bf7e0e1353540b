package faults

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// TestDelete: an object can be deleted at any time. An object that is re-created under its name is a new logout and
// never gets the outcome of the old one.
func TestDelete(t *testing.T) {
	n := suite.Either(1, 10) // times each
	p := apiproxy.New(t, plane.Config)
	startLasting(t, p)
	for _, tc := range []struct {
		name      string
		at        holder
		recreated bool
	}{
		{"deleted in the call", holdCall, false},
		{"deleted in the outcome's write", holdOutcome, false},
		{"re-created in the call", holdCall, true},
		{"re-created in the outcome's write", holdOutcome, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			wrong := 0
			for i := range n {
				name := nameFor(t, i)
				arrived, release := tc.at(t, p, name)
				obj := create(t, name)
				arrived()
				deleteNow(t, obj)
				if !tc.recreated {
					release()
					p.AwaitWrites(t, apiproxy.Outcome, name, 1)
					verifyCalls(t, name, 1)
					continue
				}
				again := create(t, name)
				release()
				status := verify(t, again, 2, 1)
				if status.LastAttempt.RequestID != lastRequestID(name) {
					wrong++
				}
			}
			figures.Note(t, "objects", n)
			figures.AtMost(t, "outcomes stored in the wrong object", wrong, 0, true)
		})
	}
}

// TestRecreatedUnderTwo: two operators work at once, each on a different object of the same name. If both claims are
// made within the same second, they look the same, and only the UIDs keep the outcomes apart.
func TestRecreatedUnderTwo(t *testing.T) {
	n := suite.Either(10, 50)
	p := apiproxy.New(t, plane.Config)
	for range 2 {
		launch(t, p, "--call-timeout=10s", "--visibility-timeout=20s")
	}
	verify(t, create(t, nameFor(t, 0, "first")), 1, 1)
	verify(t, create(t, nameFor(t, 1, "first")), 1, 1)
	wrong, alike := 0, 0
	for i := 0; i < n || alike == 0 && i < 20*n; i++ { // on a slow machine few are claimed within the same second
		name := nameFor(t, i)
		first, second := service.Hold(account, name), service.Hold(account, name)
		obj := create(t, name)
		await.Receive(t, first.Arrived(), "the first call")
		claim := read(t, obj)
		deleteNow(t, obj)
		again := create(t, name)
		await.Receive(t, second.Arrived(), "the second call")
		if read(t, again).NextAttemptTime.Equal(claim.NextAttemptTime) {
			alike++
		}
		first.Release()
		p.AwaitWrites(t, apiproxy.Outcome, name, 1)
		second.Release()
		status := verify(t, again, 2, 1)
		if status.LastAttempt.RequestID != lastRequestID(name) {
			wrong++
		}
	}
	figures.Note(t, "claims that look the same", alike)
	if alike == 0 {
		t.Error("no claims looked the same: nothing is shown")
	}
	figures.AtMost(t, "outcomes stored in the wrong object", wrong, 0, true)
}

// TestNamespaceDeleted: a namespace can be deleted while calls for its objects are in flight, and objects in a new one
// of the same name are new logouts. There is no namespace controller, so the test does its work: it deletes the objects
// in the namespace, and then removes the namespace's finalizer.
func TestNamespaceDeleted(t *testing.T) {
	p := apiproxy.New(t, plane.Config)
	startLasting(t, p)
	namespace := func() *corev1.Namespace {
		return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: nameFor(t, 0, "doomed"),
			Labels: map[string]string{"logout-operator.io/allowed": "true"}}}
	}
	createIn := func(i int) *v1alpha1.UserLogout {
		obj := newUserLogout(nameFor(t, i))
		obj.Namespace = namespace().Name
		service.SignIn(account, obj.Name, "laptop")
		if err := admin.Create(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
		return obj
	}
	doomed := namespace()
	if err := admin.Create(t.Context(), doomed); err != nil {
		t.Fatal(err)
	}
	var releases []func()
	for i := range workers {
		arrived, release := []holder{holdCall, holdOutcome}[i%2](t, p, nameFor(t, i))
		createIn(i)
		arrived()
		releases = append(releases, release)
	}

	began := time.Now()
	if err := admin.Delete(t.Context(), doomed); err != nil {
		t.Fatal(err)
	}
	if err := admin.DeleteAllOf(t.Context(), &v1alpha1.UserLogout{}, client.InNamespace(doomed.Name)); err != nil {
		t.Fatal(err)
	}
	left := &v1alpha1.UserLogoutList{}
	if err := admin.List(t.Context(), left, client.InNamespace(doomed.Name)); err != nil {
		t.Fatal(err)
	}
	figures.AtMost(t, "objects left in the namespace that is deleted", len(left.Items), 0, true)
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(doomed), doomed); err != nil {
		t.Fatal(err)
	}
	doomed.Spec.Finalizers = nil
	if err := admin.SubResource("finalize").Update(t.Context(), doomed); err != nil {
		t.Fatal(err)
	}
	figures.Note(t, "time to delete the namespace, calls under way", time.Since(began))
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(doomed),
		&corev1.Namespace{}); !apierrors.IsNotFound(err) {
		t.Errorf("the namespace is not gone: %v", err)
	}

	if err := admin.Create(t.Context(), namespace()); err != nil {
		t.Fatal(err)
	}
	again := make([]*v1alpha1.UserLogout, workers)
	for i := range again {
		again[i] = createIn(i)
	}
	wrong := 0
	for _, release := range releases {
		release()
	}
	for _, obj := range again {
		if status := verify(t, obj, 2, 1); status.LastAttempt.RequestID != lastRequestID(obj.Name) {
			wrong++
		}
	}
	figures.AtMost(t, "outcomes stored in the wrong object", wrong, 0, true)
}

// read returns the current status of an object.
func read(t *testing.T, obj *v1alpha1.UserLogout) v1alpha1.UserLogoutStatus {
	t.Helper()
	now := &v1alpha1.UserLogout{}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(obj), now); err != nil {
		t.Fatal(err)
	}
	return now.Status
}

// deleteNow deletes an object and checks that it is gone at once.
func deleteNow(t *testing.T, obj *v1alpha1.UserLogout) {
	t.Helper()
	if err := admin.Delete(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(obj),
		&v1alpha1.UserLogout{}); !apierrors.IsNotFound(err) {
		t.Errorf("%s is not gone: %v", obj.Name, err)
	}
}

// lastRequestID returns the request ID of the last call to a user.
func lastRequestID(userID string) (id string) {
	for _, entry := range service.Journal() {
		if entry.UserID == userID {
			id = entry.RequestID
		}
	}
	return id
}
