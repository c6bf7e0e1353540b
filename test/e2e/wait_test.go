package e2e

import (
	"context"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/test/harness/await"
)

// awaitObjects lists objects and watches them until they are as wanted, and returns them.
func awaitObjects[T client.Object](
	t *testing.T, what string, list client.ObjectList, wanted func([]T) bool, which ...client.ListOption,
) []T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	defer cancel()
	objects, err := until(ctx, list, wanted, which...)
	if err != nil {
		t.Fatalf("waited for %s in vain: %v; last seen: %s", what, err, summary(objects))
	}
	return objects
}

// awaitOne is awaitObjects for one existing object.
func awaitOne[T client.Object](
	t *testing.T, what string, list client.ObjectList, key client.ObjectKey, wanted func(T) bool,
) T {
	t.Helper()
	return awaitObjects(t, what, list, func(objects []T) bool { return len(objects) == 1 && wanted(objects[0]) },
		client.InNamespace(key.Namespace), client.MatchingFields{"metadata.name": key.Name})[0]
}

func until[T client.Object](
	ctx context.Context, list client.ObjectList, wanted func([]T) bool, which ...client.ListOption,
) ([]T, error) {
	seen := map[types.UID]T{}
	for {
		clear(seen)
		if err := admin.List(ctx, list, which...); err != nil {
			return values(seen), err
		}
		if err := meta.EachListItem(list, func(o runtime.Object) error {
			seen[o.(T).GetUID()] = o.(T)
			return nil
		}); err != nil {
			return values(seen), err
		}
		from := &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.GetResourceVersion()}}
		w, err := admin.Watch(ctx, list, append(which[:len(which):len(which)], from)...)
		if err != nil {
			return values(seen), err
		}
		found := follow(w, seen, wanted)
		w.Stop()
		if found || ctx.Err() != nil {
			return values(seen), context.Cause(ctx)
		}
	}
}

// follow reads a watch until the objects are as wanted, or the watch ends.
func follow[T client.Object](w watch.Interface, seen map[types.UID]T, wanted func([]T) bool) bool {
	for {
		if wanted(values(seen)) {
			return true
		}
		event, ok := <-w.ResultChan()
		o, isObject := event.Object.(T)
		switch {
		case !ok || event.Type == watch.Error:
			return false
		case !isObject: // a bookmark
		case event.Type == watch.Deleted:
			delete(seen, o.GetUID())
		default:
			seen[o.GetUID()] = o
		}
	}
}

func values[T any](m map[types.UID]T) []T {
	all := make([]T, 0, len(m))
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

// summary describes the first few objects, without the fields that nobody reads.
func summary[T client.Object](objects []T) string {
	text := fmt.Sprintf("%d objects", len(objects))
	for _, o := range objects[:min(len(objects), 3)] {
		o.SetManagedFields(nil)
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err == nil {
			text += fmt.Sprintf("\n%s: %v", o.GetName(), fields["status"])
		}
	}
	return text
}
