package manifests

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// patience is how long a test waits for anything: some tools are compiled the first time.
const patience = 10 * time.Minute

// TestApplyIsIdempotent: applying the manifests again writes no object.
func TestApplyIsIdempotent(t *testing.T) {
	installation := slicesOf(t, "default", "network-policy")
	for _, part := range installation {
		apply(t, part)
	}
	before := versions(t, installation)
	for _, part := range installation {
		apply(t, part)
	}
	if after := versions(t, installation); !maps.Equal(before, after) {
		t.Errorf("resourceVersions changed:\n%v\n%v", before, after)
	}
}

func slicesOf(t *testing.T, folders ...string) (rendered [][]byte) {
	t.Helper()
	for _, folder := range folders {
		rendered = append(rendered, render(t, folder))
	}
	return rendered
}

// versions returns the resourceVersion in the cluster of every object of the manifests.
func versions(t *testing.T, installation [][]byte) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, part := range installation {
		for _, obj := range controlplane.MustDecode(t, part) {
			if err := admin.Get(t.Context(), client.ObjectKeyFromObject(obj), obj); err != nil {
				t.Error(err)
			}
			found[obj.GetKind()+" "+obj.GetName()] = obj.GetResourceVersion()
		}
	}
	return found
}

func apply(t *testing.T, manifests []byte) {
	t.Helper()
	if err := plane.Apply(t.Context(), manifests); err != nil {
		t.Fatal(err)
	}
}

// TestUpgrade upgrades from a version whose CRDs lack something, whose Deployment has another image, and whose operator
// has done its work. Finished objects are neither called for nor written again, by anybody.
func TestUpgrade(t *testing.T) {
	older := bytes.ReplaceAll(render(t, "default"), []byte("logout-operator:v0.1.0"), []byte("logout-operator:v0.0.1"))
	older = bytes.Replace(older,
		[]byte("    - jsonPath: .status.attempts\n      name: Attempts\n      type: integer\n"), nil, 1)
	if bytes.Equal(older, render(t, "default")) || bytes.Contains(older, []byte("name: Attempts")) {
		t.Fatal("the older version is the same")
	}
	apply(t, older)
	before := start(t)
	var done []*v1alpha1.UserLogout
	for range 20 {
		done = append(done, logOut(t))
	}
	before.Stop(t)

	apply(t, render(t, "default"))
	start(t)
	logOut(t) // by the new operator, which has then seen all objects
	for _, obj := range done {
		now := &v1alpha1.UserLogout{}
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(obj), now); err != nil {
			t.Fatal(err)
		}
		if now.ResourceVersion != obj.ResourceVersion {
			t.Errorf("%s was written again: %+v", obj.Name, now)
		}
		if calls := service.Calls(account, obj.Spec.UserID); calls != 1 {
			t.Errorf("%d calls for %s, want 1", calls, obj.Name)
		}
	}
}

// TestUninstall: deleting the applied objects leaves nothing behind, and no finalizer blocks it. Nothing here completes
// the deletion of a namespace, so for the operator's namespace the test checks only that the deletion has begun.
func TestUninstall(t *testing.T) {
	own, err := controlplane.Start(t.Context(), controlplane.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := own.Stop(); err != nil {
			t.Error(err)
		}
	})
	access, err := client.New(own.Config, client.Options{Scheme: admin.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	installed := append(controlplane.MustDecode(t, render(t, "default")),
		controlplane.MustDecode(t, render(t, "network-policy"))...)
	for _, folder := range []string{"default", "network-policy"} {
		if err := own.Apply(t.Context(), render(t, folder)); err != nil {
			t.Fatal(err)
		}
	}
	if err := own.AwaitServed(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, obj := range installed {
		if err := access.Delete(t.Context(), obj.DeepCopy()); err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
	}
	for _, obj := range installed {
		if err := awaitGone(t, access, obj); err != nil {
			t.Error(err)
		}
	}
}

// awaitGone returns when the object is gone; deleting a CustomResourceDefinition takes a moment.
func awaitGone(t *testing.T, access client.Client, obj *unstructured.Unstructured) error {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true,
		func(ctx context.Context) (bool, error) {
			err := access.Get(ctx, client.ObjectKeyFromObject(obj), obj)
			going := obj.GetKind() == "Namespace" && obj.GetDeletionTimestamp() != nil
			return apierrors.IsNotFound(err) || going, client.IgnoreNotFound(err)
		})
	if err != nil {
		return fmt.Errorf("%s %s is still there, with the status %v: %w", obj.GetKind(), obj.GetName(),
			obj.Object["status"], err)
	}
	return nil
}

// start starts an operator that ends with the test at the latest.
func start(t *testing.T, flags ...string) *suite.Operator {
	t.Helper()
	return suite.Start(t, operatortest.Options{Binary: installed.Binary, Access: installed.Access, Metrics: true,
		Flags: flags})
}

// users is the number of users so far.
var users int

// create creates an object for a user who is signed in.
func create(t *testing.T, change func(*v1alpha1.UserLogout)) *v1alpha1.UserLogout {
	t.Helper()
	users++
	name := fmt.Sprintf("user-%d", users)
	service.SignIn(account, name, "laptop")
	obj := &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: "tenant", Name: name},
		Spec:       v1alpha1.UserLogoutSpec{AccountID: account, UserID: name},
	}
	change(obj)
	if err := admin.Create(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
	return obj
}

// logOut makes the operator log somebody out, and returns the finished object.
func logOut(t *testing.T) *v1alpha1.UserLogout {
	t.Helper()
	return await.Object(t, admin, create(t, func(*v1alpha1.UserLogout) {}), "logged out",
		func(obj *v1alpha1.UserLogout) bool {
			return meta.IsStatusConditionTrue(obj.Status.Conditions, v1alpha1.ConditionReady)
		})
}
