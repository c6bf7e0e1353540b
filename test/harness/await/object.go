package await

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Object watches an object until it is as wanted, and returns it. It needs only the namespace and the name of the
// object, which need not exist yet.
func Object[T client.Object](t testing.TB, c client.WithWatch, obj T, what string, wanted func(T) bool) (last T) {
	t.Helper()
	found := follow(t, c, obj, func(event watch.Event) bool {
		seen, ok := event.Object.(T)
		if !ok || event.Type == watch.Deleted {
			return false
		}
		last = seen
		return wanted(seen)
	})
	if !found {
		t.Fatalf("waited for %s to be %s in vain; last: %+v", obj.GetName(), what, last)
	}
	return last
}

// Gone returns when an object that existed has been deleted.
func Gone(t testing.TB, c client.WithWatch, obj client.Object) {
	t.Helper()
	found := follow(t, c, obj, func(event watch.Event) bool {
		if event.Type == watch.Deleted {
			return true
		}
		// A watch does not report an object that was deleted before it began.
		err := c.Get(t.Context(), client.ObjectKeyFromObject(obj), obj.DeepCopyObject().(client.Object))
		return apierrors.IsNotFound(err)
	})
	if !found {
		t.Fatalf("waited for %s to be gone in vain", obj.GetName())
	}
}

// follow calls enough with the events of an object, and with an empty event when a watch begins, until enough returns
// true.
func follow(t testing.TB, c client.WithWatch, obj client.Object, enough func(watch.Event) bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	kind, err := c.GroupVersionKindFor(obj)
	if err != nil {
		t.Fatal(err)
	}
	kind.Kind += "List"
	list, err := c.Scheme().New(kind)
	if err != nil {
		t.Fatal(err)
	}
	for ctx.Err() == nil { // the API server ends watches from time to time
		w, err := c.Watch(ctx, list.(client.ObjectList), client.InNamespace(obj.GetNamespace()),
			client.MatchingFields{"metadata.name": obj.GetName()})
		if err != nil {
			t.Fatal(err)
		}
		for event, open := (watch.Event{}), true; open; event, open = <-w.ResultChan() {
			if enough(event) {
				w.Stop()
				return true
			}
		}
	}
	return false
}
