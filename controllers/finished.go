package controllers

import (
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
	"github.com/logout-operator/logout-operator/internal/store"
)

// finishedObjects is the follow.Handler for UserLogouts that have finished. It counts them, and keeps only those that
// may still need something: removal after their TTL, or the acknowledgement of a later edit.
type finishedObjects struct {
	wake *wakeups

	mu   sync.Mutex
	is   finishedCensus
	next *finishedCensus // the next state, while a list is read
}

// finishedCensus holds what is known of the finished objects.
type finishedCensus struct {
	needing *store.Store
	counts  map[string]int // by the reason of Finished
}

func newFinishedCensus() finishedCensus { return finishedCensus{store.New(), map[string]int{}} }

func newFinishedObjects(wake *wakeups) *finishedObjects {
	return &finishedObjects{wake: wake, is: newFinishedCensus()}
}

// get returns a finished object that needs something, or nil.
func (f *finishedObjects) get(key types.NamespacedName) *v1alpha1.UserLogout {
	return f.needing().Get(key)
}

// needing returns the objects that need something.
func (f *finishedObjects) needing() *store.Store {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.is.needing
}

// count returns how many objects have finished, by the reason of Finished.
func (f *finishedObjects) count(reason string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.is.counts[reason]
}

// Restart implements follow.Handler.
func (f *finishedObjects) Restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := newFinishedCensus()
	f.next = &next
}

// Complete implements follow.Handler.
func (f *finishedObjects) Complete() {
	f.mu.Lock()
	f.is, f.next = *f.next, nil
	needing := f.is.needing
	f.mu.Unlock()
	f.wake.later(needing.Keys()...)
}

// Apply implements follow.Handler.
func (f *finishedObjects) Apply(kind watch.EventType, obj *v1alpha1.UserLogout) {
	f.mu.Lock()
	into := &f.is
	if f.next != nil {
		into = f.next
	}
	needs := into.apply(kind, obj)
	listing := f.next != nil
	f.mu.Unlock()
	if needs && !listing {
		f.wake.now(client.ObjectKeyFromObject(obj))
	}
}

// apply records one object and reports whether it needs something.
func (c *finishedCensus) apply(kind watch.EventType, obj *v1alpha1.UserLogout) bool {
	switch kind {
	case watch.Added:
		c.counts[finishedReason(obj)]++
	case watch.Deleted:
		c.counts[finishedReason(obj)]--
	}
	if kind == watch.Deleted || !lifecycle.NeedsWork(obj) {
		c.needing.Delete(client.ObjectKeyFromObject(obj))
		return false
	}
	c.needing.Put(obj)
	return true
}

func finishedReason(obj *v1alpha1.UserLogout) string {
	if c := meta.FindStatusCondition(obj.Status.Conditions, v1alpha1.ConditionFinished); c != nil {
		return c.Reason
	}
	return v1alpha1.ReasonFailed // this operator did not write it
}
