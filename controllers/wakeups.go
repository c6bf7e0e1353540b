package controllers

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/internal/turns"
)

// wakeups fill the work queue, in which the namespaces take turns. A standby has no work queue: nothing is enqueued
// until it is elected.
type wakeups struct {
	mu    sync.Mutex
	queue *turns.Queue
}

func newWakeups() *wakeups { return &wakeups{} }

// begin sets the queue; objects are enqueued from now on.
func (w *wakeups) begin(queue *turns.Queue) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = queue
}

// enqueue calls add if there is a queue.
func (w *wakeups) enqueue(add func(*turns.Queue)) {
	w.mu.Lock()
	queue := w.queue
	w.mu.Unlock()
	if queue != nil {
		add(queue)
	}
}

// now enqueues an object that has changed.
func (w *wakeups) now(key types.NamespacedName) {
	w.enqueue(func(q *turns.Queue) { q.AddNow(key) })
}

// later enqueues objects to be looked at when nothing is more urgent: the backlog, at a start or after a change of a
// provider.
func (w *wakeups) later(keys ...types.NamespacedName) {
	w.enqueue(func(q *turns.Queue) { q.AddLater(keys...) })
}

// called enqueues an object that the gate has called up.
func (w *wakeups) called(key types.NamespacedName, hasSlot bool) {
	if !hasSlot { // it must be told that it waits, or has expired
		w.later(key)
		return
	}
	w.enqueue(func(q *turns.Queue) { q.AddWithSlot(key) })
}

// gotSlot says that an object has got its slot while it is reconciled.
func (w *wakeups) gotSlot(key types.NamespacedName) {
	w.enqueue(func(q *turns.Queue) { q.GotSlot(key) })
}
