package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	kyaml "sigs.k8s.io/yaml"

	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/gotool"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// render renders a folder of the project with this image in the first container of the Deployment, as a user's overlay
// would.
func render(t *testing.T, folder, deployment, image string) []client.Object {
	t.Helper()
	root, err := gotool.ModuleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	base, err := filepath.Rel(overlay, filepath.Join(root, filepath.FromSlash(folder)))
	if err != nil {
		t.Fatal(err)
	}
	kustomization, err := kyaml.Marshal(map[string]any{
		"resources": []string{filepath.ToSlash(base)},
		"patches": []any{map[string]any{
			"target": map[string]string{"kind": "Deployment", "name": deployment},
			"patch": fmt.Sprintf(
				`[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": %q}]`, image),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), kustomization, 0o600); err != nil {
		t.Fatal(err)
	}
	rendered, err := controlplane.Kustomize(overlay)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, rendered)
}

func decode(t *testing.T, manifests []byte) (objects []client.Object) {
	t.Helper()
	for _, o := range controlplane.MustDecode(t, manifests) {
		objects = append(objects, o)
	}
	return objects
}

// apply does what kubectl apply --server-side does, and removes the objects when the test is over.
func apply(t *testing.T, objects []client.Object) {
	t.Helper()
	removeAtEnd(t, objects)
	for _, o := range objects {
		if err := admin.Apply(t.Context(),
			client.ApplyConfigurationFromUnstructured(o.DeepCopyObject().(*unstructured.Unstructured)),
			client.FieldOwner("e2e"), client.ForceOwnership); err != nil {
			t.Fatalf("applying %s %s: %v", o.GetObjectKind().GroupVersionKind().Kind,
				client.ObjectKeyFromObject(o), err)
		}
	}
}

// removeAtEnd removes the remaining objects when the test is over, so that the next test finds a clean cluster.
func removeAtEnd(t *testing.T, objects []client.Object) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), await.Patience)
		defer cancel()
		if err := remove(ctx, objects); err != nil {
			t.Errorf("not all is removed: %v", err)
		}
	})
}

// remove does what kubectl delete does: it deletes the objects that exist, and returns when they are gone.
func remove(ctx context.Context, objects []client.Object) error {
	var problems []error
	for _, o := range objects {
		if err := admin.Delete(ctx, o.DeepCopyObject().(client.Object)); ignoreGone(err) != nil {
			problems = append(problems, err)
		}
	}
	for _, o := range objects {
		problems = append(problems, awaitGone(ctx, o))
	}
	return errors.Join(problems...)
}

func awaitGone(ctx context.Context, o client.Object) error {
	gvk, err := admin.GroupVersionKindFor(o)
	if err != nil {
		return err
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(gvk)
	list.SetKind(gvk.Kind + "List")
	_, err = until(ctx, list, func(left []*unstructured.Unstructured) bool { return len(left) == 0 },
		client.InNamespace(o.GetNamespace()), client.MatchingFields{"metadata.name": o.GetName()})
	if ignoreGone(err) != nil {
		return fmt.Errorf("waiting for %s %s to go: %w", gvk.Kind, client.ObjectKeyFromObject(o), err)
	}
	return nil
}

// ignoreGone returns nil if the error says that an object, or its kind, does not exist.
func ignoreGone(err error) error {
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		return nil
	}
	return err
}

// replicas waits until the operator has exactly two pods, all ready and none of them in without, and returns them.
func replicas(t *testing.T, without ...string) []*corev1.Pod {
	t.Helper()
	return awaitObjects(t, "two replicas to be ready", &corev1.PodList{}, func(pods []*corev1.Pod) bool {
		for _, p := range pods {
			if !ready(p) || slices.Contains(without, p.Name) {
				return false
			}
		}
		return len(pods) == 2
	}, ofOperator...)
}

// ofOperator selects the operator's pods.
var ofOperator = []client.ListOption{client.InNamespace(operatortest.Namespace),
	client.MatchingLabels{"app.kubernetes.io/name": "logout-operator"}}

func ready(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue && p.DeletionTimestamp == nil
		}
	}
	return false
}
