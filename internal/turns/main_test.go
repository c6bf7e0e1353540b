package turns

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

func keyOf(namespace string, i int) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: fmt.Sprint(i)}
}

func keysOf(namespace string, n int) []types.NamespacedName {
	keys := make([]types.NamespacedName, n)
	for i := range keys {
		keys[i] = keyOf(namespace, i)
	}
	return keys
}

// newQueue returns a queue that ends with the test.
func newQueue(t testing.TB, limit int) *Queue {
	t.Helper()
	q := New(limit, priorityqueue.New[reconcile.Request](t.Name()))
	t.Cleanup(q.ShutDown)
	return q
}

// get returns the object that a worker gets next.
func get(q *Queue) reconcile.Request {
	object, _ := q.Get()
	return object
}

// reconciledBefore reconciles one object after the other, up to one of this namespace. It returns how many of others
// came before.
func reconciledBefore(q *Queue, namespace string) (n int) {
	for {
		object := get(q)
		q.Done(object)
		if object.Namespace == namespace {
			return n
		}
		n++
	}
}
