package controllers

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

func keyOf(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "security", Name: name}
}

// newQueue returns a work queue like that of a controller.
func newQueue(t *testing.T) priorityqueue.PriorityQueue[reconcile.Request] {
	t.Helper()
	q := priorityqueue.New[reconcile.Request](t.Name())
	t.Cleanup(q.ShutDown)
	return q
}

// take returns the object that a worker gets next, and tells the wakeups.
func take(w *wakeups, q priorityqueue.PriorityQueue[reconcile.Request]) (name string, priority int) {
	request, priority, _ := q.GetWithPriority()
	w.taken(request.NamespacedName)
	q.Done(request)
	return request.Name, priority
}

// TestStandbyEnqueuesNothing checks that objects woken before the election are not kept, whichever way they are woken.
func TestStandbyEnqueuesNothing(t *testing.T) {
	w := newWakeups()
	for i := range 100 {
		w.now(keyOf(fmt.Sprint(i)))
		w.called(keyOf(fmt.Sprint(i)), true)
		w.later(keyOf(fmt.Sprint(i)))
	}
	w.all("start", []types.NamespacedName{keyOf("jane")})
	if n := len(w.backlog) + len(w.fed); n > 0 {
		t.Errorf("%d are kept", n)
	}
	q := newQueue(t)
	w.begin(q)
	if n := q.Len(); n > 0 {
		t.Errorf("%d in the queue", n)
	}
	w.now(keyOf("jane"))
	if name, _ := take(w, q); name != "jane" {
		t.Errorf("got %s", name)
	}
}

// TestBacklogIsFedIn checks that the queue never holds more than a few objects of a backlog, that each object comes
// once and in order, and that changed objects go first.
func TestBacklogIsFedIn(t *testing.T) {
	const n = 10 * aheadOfWorkers
	w, q := newWakeups(), newQueue(t)
	w.begin(q)
	keys := make([]types.NamespacedName, n)
	for i := range keys {
		keys[i] = keyOf(fmt.Sprint(i))
	}
	w.all("start", keys)
	w.all("start", keys[aheadOfWorkers:]) // all of them still wait
	for i := range n {
		if ready := q.Len(); ready > aheadOfWorkers {
			t.Fatalf("%d in the queue after %d", ready, i)
		}
		if i == n/3 {
			w.now(keyOf("new"))
			w.called(keyOf("called up"), true)
			for _, want := range []string{"called up", "new"} {
				if name, _ := take(w, q); name != want {
					t.Errorf("got %s, want %s", name, want)
				}
			}
		}
		if name, priority := take(w, q); name != fmt.Sprint(i) || priority != handler.LowPriority {
			t.Fatalf("got %s at priority %d, want %d", name, priority, i)
		}
	}
	if ready := q.Len(); ready > 0 || len(w.backlog)+len(w.fed) > 0 {
		t.Errorf("%d in the queue, %d batches and %d objects are kept", ready, len(w.backlog), len(w.fed))
	}
	w.later(keys[0])
	if name, _ := take(w, q); name != "0" {
		t.Errorf("got %s", name)
	}
}

// TestBacklogSurvivesOtherWakeups checks that an object of the backlog that is also enqueued for another reason comes
// once, and still makes room for the next one.
func TestBacklogSurvivesOtherWakeups(t *testing.T) {
	const n = 3 * aheadOfWorkers
	w, q := newWakeups(), newQueue(t)
	w.begin(q)
	for i := range n {
		w.later(keyOf(fmt.Sprint(i)))
		w.now(keyOf(fmt.Sprint(i)))
	}
	seen := map[string]int{}
	for range n {
		name, _ := take(w, q)
		seen[name]++
	}
	for q.Len() > 0 {
		name, _ := take(w, q)
		seen[name]++
	}
	for i := range n {
		if times := seen[fmt.Sprint(i)]; times < 1 || times > 2 {
			t.Errorf("%d came %d times", i, times)
		}
	}
	if len(w.backlog)+len(w.fed) > 0 {
		t.Errorf("%d wait, %d are fed", len(w.backlog), len(w.fed))
	}
}
