package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/test/harness/await"
)

// ours occurs in the name, the group or a label of every object that belongs to the operator.
const ours = "logout-operator"

// uninstall removes an installation that is in use, then the tenant, and waits until nothing of the operator is left.
func uninstall(t *testing.T, installation []client.Object) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	defer cancel()
	if err := remove(ctx, installation); err != nil {
		t.Fatal(err)
	}
	nothingLeft(t)
}

// nothingLeft removes the tenant, and waits until no object mentions the operator.
func nothingLeft(t *testing.T) {
	t.Helper()
	if err := remove(t.Context(),
		[]client.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tenant}}}); err != nil {
		t.Fatal(err)
	}
	await.Eventually(t, "nothing to be left", func(ctx context.Context) error {
		if left, err := traces(ctx); err != nil || len(left) > 0 {
			return errors.Join(err, fmt.Errorf("left: %s", strings.Join(left, ", ")))
		}
		return nil
	})
}

// refuseUsedCluster fails the test if the operator is already installed, because the tests remove the objects that they
// find.
func refuseUsedCluster(t *testing.T) {
	t.Helper()
	if left, err := traces(t.Context()); err != nil || len(left) > 0 {
		t.Fatalf("the cluster is not without the operator: %s (%v)", strings.Join(left, ", "), err)
	}
}

// traces returns all objects of any kind that mention the operator anywhere.
func traces(ctx context.Context) (found []string, err error) {
	lists, err := clientset.Discovery().ServerPreferredResources()
	if err != nil {
		return nil, err
	}
	for _, resources := range lists {
		version, err := schema.ParseGroupVersion(resources.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, r := range resources.APIResources {
			if !slices.Contains(r.Verbs, "list") || excluded(r.Name) {
				continue
			}
			list := &unstructured.UnstructuredList{}
			list.SetGroupVersionKind(version.WithKind(r.Kind + "List"))
			if err := admin.List(ctx, list); ignoreGone(err) != nil && !apierrors.IsMethodNotSupported(err) {
				return nil, fmt.Errorf("listing %s: %w", r.Name, err)
			}
			for i := range list.Items {
				o := &list.Items[i]
				data, err := json.Marshal(o)
				if err != nil {
					return nil, err
				}
				if o.GetNamespace() != serviceNamespace && bytes.Contains(data, []byte(ours)) {
					found = append(found, o.GetKind()+" "+client.ObjectKeyFromObject(o).String())
				}
			}
		}
	}
	return found, nil
}

// excluded: events are kept for an hour, and nodes list their images.
func excluded(resource string) bool { return resource == "events" || resource == "nodes" }
