package controlplane_test

import (
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/test/harness/controlplane"
)

// TestRestore: after a restore, the objects of an older copy of etcd's data exist again, and later ones do not.
func TestRestore(t *testing.T) {
	tmp := temporaryDirectory(t)
	cp, err := controlplane.Start(t.Context(), controlplane.Options{})
	if err != nil {
		t.Fatal(err)
	}
	admin, err := client.New(cp.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	create := func(name string) {
		if err := admin.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			t.Fatal(err)
		}
	}
	create("before")
	restart(t, cp, func() error { return os.CopyFS(tmp+"/copy", os.DirFS(cp.DataDir())) })
	create("after")
	restart(t, cp, func() error {
		if err := os.RemoveAll(cp.DataDir()); err != nil {
			return err
		}
		return os.Rename(tmp+"/copy", cp.DataDir())
	})
	get := func(name string) error {
		return admin.Get(t.Context(), client.ObjectKey{Name: name}, &corev1.Namespace{})
	}
	if before, after := get("before"), get("after"); before != nil || !apierrors.IsNotFound(after) {
		t.Errorf("from before the copy: %v; from after it: %v", before, after)
	}
	if err := cp.Stop(); err != nil {
		t.Error(err)
	}
	expectEmpty(t, tmp)
}

// restart halts the control plane, runs f, and resumes it.
func restart(t *testing.T, cp *controlplane.ControlPlane, f func() error) {
	t.Helper()
	for _, step := range []func() error{cp.Halt, f, cp.Resume} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}
