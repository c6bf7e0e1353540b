package controllers

import (
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// aheadOfWorkers is how many objects of the backlog are in the work queue at a time. That is enough to keep the workers
// busy, and keeps the queue small: an object takes more memory there than its record does.
const aheadOfWorkers = 256

// wakeups feed the work queue. An object that has changed goes into the queue at once. When all objects must be looked
// at, at a start or because a provider has changed, they wait in a backlog. It is fed into the queue as the workers
// make progress, and objects that change meanwhile go first.
//
// A standby has no work queue: nothing is enqueued until it is elected.
type wakeups struct {
	mu      sync.Mutex
	queue   priorityqueue.PriorityQueue[reconcile.Request]
	backlog []batch
	fed     map[types.NamespacedName]bool // objects in the queue that came from the backlog
}

// batch holds the objects to look at for one cause.
type batch struct {
	cause   string
	objects []types.NamespacedName
}

func newWakeups() *wakeups { return &wakeups{fed: map[types.NamespacedName]bool{}} }

// begin sets the queue; objects are enqueued from now on.
func (w *wakeups) begin(queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = queue.(priorityqueue.PriorityQueue[reconcile.Request])
}

// now enqueues an object that has changed.
func (w *wakeups) now(key types.NamespacedName) { w.enqueue(key, 0) }

// called enqueues an object that the gate has called up.
func (w *wakeups) called(key types.NamespacedName, hasSlot bool) {
	if hasSlot {
		w.enqueue(key, priorityCalledUp)
	} else {
		w.enqueue(key, priorityUnhurried)
	}
}

func (w *wakeups) enqueue(key types.NamespacedName, priority int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.queue != nil {
		w.queue.AddWithOpts(
			priorityqueue.AddOpts{Priority: ptr.To(priority)}, reconcile.Request{NamespacedName: key})
	}
}

// later adds an object to the backlog, to be looked at when nothing is more urgent.
func (w *wakeups) later(key types.NamespacedName) {
	w.add("", func(before []types.NamespacedName) []types.NamespacedName { return append(before, key) })
}

// all is like later for all objects that a cause concerns. The new keys replace those that still wait for the same
// cause, so they must include these.
func (w *wakeups) all(cause string, keys []types.NamespacedName) {
	w.add(cause, func([]types.NamespacedName) []types.NamespacedName { return keys })
}

func (w *wakeups) add(cause string, change func(before []types.NamespacedName) []types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.queue == nil {
		return
	}
	i := slices.IndexFunc(w.backlog, func(b batch) bool { return b.cause == cause })
	if i < 0 {
		i = len(w.backlog)
		w.backlog = append(w.backlog, batch{cause: cause})
	}
	w.backlog[i].objects = change(w.backlog[i].objects)
	w.feed()
}

// taken notes that a worker has taken an object, and makes room for the next one.
func (w *wakeups) taken(key types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fed[key] {
		delete(w.fed, key)
		w.feed()
	}
}

// feed fills the queue up from the backlog.
func (w *wakeups) feed() {
	for len(w.fed) < aheadOfWorkers && len(w.backlog) > 0 {
		first := &w.backlog[0]
		if len(first.objects) == 0 {
			w.backlog = slices.Delete(w.backlog, 0, 1)
			continue
		}
		key := first.objects[0]
		first.objects = first.objects[1:]
		w.fed[key] = true
		w.queue.AddWithOpts(
			priorityqueue.AddOpts{Priority: ptr.To(handler.LowPriority)}, reconcile.Request{NamespacedName: key})
	}
}
