package controllers

import (
	"sync"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/store"
)

// CompletionTime is the field by which the API server tells finished objects from unfinished ones. The operator watches
// the two separately: finished objects may be kept for years, as a record, and neither the operator's memory nor the
// first logout after a start may depend on how many there are.
const CompletionTime = "status.completionTime"

var (
	unfinishedSelector = fields.OneTermEqualSelector(CompletionTime, "")
	finishedSelector   = fields.OneTermNotEqualSelector(CompletionTime, "")
)

// unfinishedObjects is the follow.Handler for UserLogouts that have not finished. It keeps them all, and wakes them
// when they change. Like an informer, it has the newest state that the API server has sent.
type unfinishedObjects struct {
	*store.Store
	wake *wakeups
	// known is closed when all objects have been listed for the first time.
	known chan struct{}
	once  sync.Once

	listing bool
	listed  map[types.NamespacedName]bool // keys seen in the current list; nil if no known object could be gone
}

func newUnfinishedObjects(wake *wakeups) *unfinishedObjects {
	return &unfinishedObjects{Store: store.New(), wake: wake, known: make(chan struct{})}
}

// Restart implements follow.Handler.
func (u *unfinishedObjects) Restart() {
	u.listing, u.listed = true, nil
	if u.Len() > 0 {
		u.listed = map[types.NamespacedName]bool{}
	}
}

// Apply implements follow.Handler.
func (u *unfinishedObjects) Apply(kind watch.EventType, obj *v1alpha1.UserLogout) {
	key := client.ObjectKeyFromObject(obj)
	if kind == watch.Deleted {
		u.Delete(key)
		u.wake.now(key) // so that the object leaves the gate
		return
	}
	changed := u.Put(obj)
	switch {
	case !u.listing:
		u.wake.now(key)
	case changed:
		u.wake.later(key)
	}
	if u.listed != nil {
		u.listed[key] = true
	}
}

// Complete implements follow.Handler.
func (u *unfinishedObjects) Complete() {
	if u.listed != nil {
		for _, key := range u.Keys() {
			if !u.listed[key] {
				u.Delete(key)
				u.wake.later(key)
			}
		}
	}
	u.listing, u.listed = false, nil
	u.once.Do(func() { close(u.known) })
}

// complete reports whether all objects are known.
func (u *unfinishedObjects) complete() bool {
	select {
	case <-u.known:
		return true
	default:
		return false
	}
}
