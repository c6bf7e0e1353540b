// Package turns is a work queue in which the namespaces take turns: however many objects, timers and edits a namespace
// has, an object of another one does not wait for them.
//
// The objects wait in a line for each namespace. Only a few at a time are handed out to controller-runtime's priority
// queue, which would be first in, first out for all. It gives them to the workers, and it has the timers. A timer that
// ends is only a hint: its object joins the line of its namespace.
package turns

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// withSlot is the priority in the priority queue of objects that have a slot. All others have 0.
const withSlot = 1

// Queue is the work queue of a controller.
type Queue struct {
	priorityqueue.PriorityQueue[reconcile.Request]

	mu    sync.Mutex
	turns *turns
}

// New returns a queue in which at most limit objects without a slot are handed out at a time. It takes over a new
// priority queue.
func New(limit int, queue priorityqueue.PriorityQueue[reconcile.Request]) *Queue {
	return &Queue{PriorityQueue: queue, turns: newTurns(limit)}
}

// AddNow adds an object that has changed.
func (q *Queue) AddNow(key types.NamespacedName) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turns.now.add(key)
	q.handOut()
}

// AddLater adds objects that come after all those of AddNow. These leave them every ninth turn.
func (q *Queue) AddLater(keys ...types.NamespacedName) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, key := range keys {
		q.turns.later.add(key)
	}
	q.handOut()
}

// AddWithSlot adds an object that has a slot. It goes before all others.
func (q *Queue) AddWithSlot(key types.NamespacedName) {
	q.AddWithOpts(priorityqueue.AddOpts{Priority: ptr.To(withSlot)}, reconcile.Request{NamespacedName: key})
}

// GotSlot says that an object has got a slot while a worker has it. It makes room for another object without one.
func (q *Queue) GotSlot(key types.NamespacedName) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turns.gotSlot(key)
	q.handOut()
}

// handOut hands out as many objects as it may.
func (q *Queue) handOut() {
	for key, ok := q.turns.next(); ok; key, ok = q.turns.next() {
		q.Add(reconcile.Request{NamespacedName: key})
	}
}

// GetWithPriority returns the next object for a worker. The controller gives a timer, or the retry after an error, the
// priority that it gets here. That is always 0, so that these do not go before others.
func (q *Queue) GetWithPriority() (object reconcile.Request, priority int, shutdown bool) {
	for {
		object, priority, shutdown = q.PriorityQueue.GetWithPriority()
		if shutdown || q.take(object, priority >= withSlot) {
			return object, 0, shutdown
		}
	}
}

// take notes that a worker has got an object. It returns false if the worker has to get another one, because a timer of
// this one has ended and it joins its line.
func (q *Queue) take(object reconcile.Request, hasSlot bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.turns.take(object.NamespacedName, hasSlot)
	if !taken {
		q.turns.now.add(object.NamespacedName)
		q.PriorityQueue.Done(object)
	}
	q.handOut()
	return taken
}

// Get is like GetWithPriority.
func (q *Queue) Get() (object reconcile.Request, shutdown bool) {
	object, _, shutdown = q.GetWithPriority()
	return object, shutdown
}

// Done says that the worker is done with an object.
func (q *Queue) Done(object reconcile.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.PriorityQueue.Done(object)
	q.turns.done(object.NamespacedName)
	q.handOut()
}

// Len returns how many objects wait for a worker.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.turns.now.len + q.turns.later.len + q.PriorityQueue.Len()
}
