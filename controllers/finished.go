package controllers

import (
	"context"
	"errors"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	utilwait "k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	watchtools "k8s.io/client-go/tools/watch"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// completionTime is the field by which the API server tells finished objects
// from the others.
const completionTime = "status.completionTime"

// unfinished selects what the manager's cache is to hold of the UserLogouts.
// Finished ones may be kept for years, as a record: the operator's memory and
// start do not depend on how many there are.
var unfinished = fields.OneTermEqualSelector(completionTime, "")

// finishedPage is how many finished objects are read at a time.
const finishedPage = 500

// refollow is how long to wait until following them anew, which is needed only
// when the API server could not be reached or has forgotten where the watch was.
const refollow = 5 * time.Second

// finishedObjects follows the UserLogouts that have finished. It counts them,
// and keeps only those that something may have to be done about: their TTL, or
// a later edit to acknowledge.
type finishedObjects struct {
	client client.WithWatch

	mu      sync.Mutex
	needing map[types.NamespacedName]*v1alpha1.UserLogout
	counts  map[string]int // by the reason of Finished
}

// get returns a finished object that needs something, or nil.
func (f *finishedObjects) get(key types.NamespacedName) *v1alpha1.UserLogout {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.needing[key].DeepCopy()
}

// count returns how many objects have finished, by the reason of Finished.
func (f *finishedObjects) count(reason string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[reason]
}

// run follows until ctx is done, and enqueues every object that needs something.
func (f *finishedObjects) run(ctx context.Context, enqueue func(types.NamespacedName)) {
	log := ctrl.LoggerFrom(ctx).WithName("finished")
	utilwait.JitterUntilWithContext(ctx, func(ctx context.Context) {
		if err := f.follow(ctx, enqueue); ctx.Err() == nil {
			log.Info("following the finished UserLogouts anew", "cause", err.Error())
		}
	}, refollow, 0.5, true)
}

// follow reads the finished objects page by page, not to hold them all at once,
// and then watches. It returns why it had to end.
func (f *finishedObjects) follow(ctx context.Context, enqueue func(types.NamespacedName)) error {
	needing, counts := map[types.NamespacedName]*v1alpha1.UserLogout{}, map[string]int{}
	page := v1alpha1.UserLogoutList{}
	for first := true; first || page.Continue != ""; first = false {
		options := []client.ListOption{f.selector(), client.Limit(finishedPage), client.Continue(page.Continue)}
		page = v1alpha1.UserLogoutList{}
		if err := f.client.List(ctx, &page, options...); err != nil {
			return err
		}
		for i := range page.Items {
			obj := &page.Items[i]
			counts[finishedReason(obj)]++
			if needsWork(obj) {
				needing[client.ObjectKeyFromObject(obj)] = obj.DeepCopy() // not to hold its page
			}
		}
	}
	f.mu.Lock()
	f.needing, f.counts = needing, counts
	f.mu.Unlock()
	for key := range needing {
		enqueue(key)
	}
	watcher, err := watchtools.NewRetryWatcherWithContext(ctx, page.ResourceVersion, f)
	if err != nil {
		return err
	}
	defer watcher.Stop()
	for event := range watcher.ResultChan() {
		obj, ok := event.Object.(*v1alpha1.UserLogout)
		if !ok {
			return apierrors.FromObject(event.Object)
		}
		if f.note(event.Type, obj) {
			enqueue(client.ObjectKeyFromObject(obj))
		}
	}
	return errors.New("the watch ended")
}

// note takes in one event and reports whether its object needs something.
func (f *finishedObjects) note(kind watch.EventType, obj *v1alpha1.UserLogout) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch kind {
	case watch.Added:
		f.counts[finishedReason(obj)]++
	case watch.Deleted:
		f.counts[finishedReason(obj)]--
	}
	key := client.ObjectKeyFromObject(obj)
	if kind == watch.Deleted || !needsWork(obj) {
		delete(f.needing, key)
		return false
	}
	f.needing[key] = obj
	return true
}

// WatchWithContext is for the RetryWatcher. That the API server has forgotten where
// the watch was is made an event, as which it mostly comes anyway: as an error the
// RetryWatcher would take it for trouble that passes, and ask again for ever.
func (f *finishedObjects) WatchWithContext(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	watcher, err := f.client.Watch(ctx, &v1alpha1.UserLogoutList{}, f.selector(), &client.ListOptions{Raw: &o})
	var forgotten *apierrors.StatusError
	if errors.As(err, &forgotten) && (apierrors.IsResourceExpired(err) || apierrors.IsGone(err)) {
		events := make(chan watch.Event, 1)
		events <- watch.Event{Type: watch.Error, Object: &forgotten.ErrStatus}
		return watch.NewProxyWatcher(events), nil
	}
	return watcher, err
}

func (f *finishedObjects) selector() client.MatchingFieldsSelector {
	return client.MatchingFieldsSelector{Selector: fields.OneTermNotEqualSelector(completionTime, "")}
}

func finishedReason(obj *v1alpha1.UserLogout) string {
	if c := meta.FindStatusCondition(obj.Status.Conditions, v1alpha1.ConditionFinished); c != nil {
		return c.Reason
	}
	return v1alpha1.ReasonFailed // not written by this operator
}
