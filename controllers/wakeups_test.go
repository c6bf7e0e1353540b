package controllers

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/logout-operator/logout-operator/internal/turns"
)

func keyOf(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "security", Name: name}
}

// newQueue returns a work queue like that of the controller.
func newQueue(t *testing.T) *turns.Queue {
	t.Helper()
	q := turns.New(10, priorityqueue.New[reconcile.Request](t.Name()))
	t.Cleanup(q.ShutDown)
	return q
}

// take returns the object that a worker gets next, when the worker is done with it.
func take(q *turns.Queue) (name string) {
	request, _ := q.Get()
	q.Done(request)
	return request.Name
}

// TestStandbyEnqueuesNothing checks that objects woken before the election are not kept, whichever way they are woken.
func TestStandbyEnqueuesNothing(t *testing.T) {
	w := newWakeups()
	for i := range 100 {
		w.now(keyOf(fmt.Sprint(i)))
		w.called(keyOf(fmt.Sprint(i)), true)
		w.called(keyOf(fmt.Sprint(i)), false)
		w.later(keyOf(fmt.Sprint(i)))
	}
	q := newQueue(t)
	w.begin(q)
	if n := q.Len(); n > 0 {
		t.Errorf("%d in the queue", n)
	}
	w.now(keyOf("jane"))
	if name := take(q); name != "jane" {
		t.Errorf("got %s", name)
	}
}

// TestUrgentFirst checks the order in which objects come: those with a slot, then those that have changed, then those
// that must only be looked at.
func TestUrgentFirst(t *testing.T) {
	w, q := newWakeups(), newQueue(t)
	w.begin(q)
	for i := range 100 { // fill what is handed out
		w.later(keyOf(fmt.Sprint(i)))
	}
	w.called(keyOf("waiting"), false)
	w.now(keyOf("changed"))
	w.called(keyOf("called up"), true)
	came := map[string]int{}
	for i := range 103 {
		came[take(q)] = i
	}
	if came["called up"] != 0 || came["changed"] > 10 || came["waiting"] != 102 {
		t.Errorf("came as number %d, %d and %d", came["called up"], came["changed"], came["waiting"])
	}
}
