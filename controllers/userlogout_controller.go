// Package controllers holds the two reconcilers: they watch, read, claim, call
// and store. What to do with an object is decided in package lifecycle.
package controllers

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
	"github.com/logout-operator/logout-operator/internal/providers"
)

// conflictDelay is how long to give the cache to catch up after a conflict. The
// watch event that it lacks usually comes first.
const conflictDelay = time.Second

// Priorities in the queue, beside 0 for what has changed and
// handler.LowPriority for what was there when the operator started.
const (
	// priorityCalledUp: who has a slot goes before a crowd that asks for one.
	priorityCalledUp = 1
	// priorityUnhurried: to be told that one waits, or has waited for too long.
	priorityUnhurried = -1
)

// userLogoutReconciler carries out UserLogouts.
type userLogoutReconciler struct {
	Options
	client     client.Client // reads from the manager's cache
	apiReader  client.Reader // reads from the API server
	recorder   events.EventRecorder
	providers  *providers.Resolver
	gates      *gate.Gates
	unfinished *unfinishedObjects
	finished   *finishedObjects
	wake       *wakeups
	attempts   *inflight
	written    lastWrite
	unstored   unstored
}

// +kubebuilder:rbac:groups=logout-operator.io,resources=userlogouts,verbs=get;list;watch;delete
// +kubebuilder:rbac:groups=logout-operator.io,resources=userlogouts/status,verbs=update;patch
// +kubebuilder:rbac:groups=logout-operator.io,resources=clusterlogoutproviders,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=logout-operator-system,resources=leases,verbs=get;create;update
// +kubebuilder:rbac:groups="",namespace=logout-operator-system,resources=events,verbs=create;patch

// Reconcile takes the next step of one UserLogout. The answers of a service are
// outcomes in the status, never an error here; an error is trouble with the API
// server, and is retried by the queue.
func (r *userLogoutReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	if !r.Schema.Await(ctx) {
		return ctrl.Result{}, nil // the process is about to exit
	}
	r.wake.taken(req.NamespacedName)
	obj := r.get(req.NamespacedName)
	if obj == nil {
		r.gates.Leave(req.NamespacedName)
		r.unstored.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	var err error
	now := time.Now()
	if kept, ok := r.unstored.of(obj, now); ok {
		return r.storeKept(ctx, kept, now)
	}
	d := lifecycle.Decide(obj, r.providers.ChangedAt(obj.Spec.ProviderRef.Name), now)
	var with admission
	if d.Do != lifecycle.Attempt {
		r.gates.Leave(req.NamespacedName)
	} else if d, with, err = r.admit(ctx, obj, now); err != nil {
		return ctrl.Result{}, err
	}
	switch d.Do {
	case lifecycle.Attempt:
		return r.attempt(ctx, obj, with)
	case lifecycle.Write:
		return r.write(ctx, obj, d)
	case lifecycle.Remove:
		return r.remove(ctx, obj)
	default:
		return requeueAt(d.At), nil
	}
}

// get returns an object that has not finished, or a finished one that needs something; nil if there is neither. Of its
// metadata it has what is kept (package store).
func (r *userLogoutReconciler) get(key client.ObjectKey) *v1alpha1.UserLogout {
	if obj := r.unfinished.Get(key); obj != nil {
		return obj
	}
	return r.finished.get(key)
}

// write stores a status that needs no call.
func (r *userLogoutReconciler) write(ctx context.Context, obj *v1alpha1.UserLogout, d lifecycle.Decision) (ctrl.Result, error) {
	before := obj.Status
	var err error
	for _, form := range lifecycle.Forms(before, d.Status) {
		obj.Status = form
		if err = r.client.Status().Update(ctx, obj); !tooLarge(err) {
			break
		}
	}
	if err != nil {
		return r.writeError(ctx, obj, err)
	}
	r.written.note(time.Now())
	r.announce(obj, before, d.Status)
	r.countFinish(ctx, obj, before, d.Status)
	return requeueAt(d.At), nil
}

// remove deletes the object as it is in the cache: not one re-created under its
// name, nor one whose TTL has been changed since.
func (r *userLogoutReconciler) remove(ctx context.Context, obj *v1alpha1.UserLogout) (ctrl.Result, error) {
	err := r.client.Delete(ctx, obj, client.Preconditions{UID: &obj.UID, ResourceVersion: &obj.ResourceVersion})
	return r.apiError(ctx, obj, err)
}

// writeError returns what to do about the error of a write of a status. An object
// that is too large for its status is no trouble of the API server's: it is told
// by an event, and looked at again when it changes, or seldom.
func (r *userLogoutReconciler) writeError(
	ctx context.Context, obj *v1alpha1.UserLogout, err error,
) (ctrl.Result, error) {
	if !tooLarge(err) {
		return r.apiError(ctx, obj, err)
	}
	logr.FromContextOrDiscard(ctx).Info("status not stored: the object is too large")
	r.tellUnstored(obj, err)
	return ctrl.Result{RequeueAfter: lifecycle.MaxBackoff}, nil
}

// apiError returns what to do about the error of a write that has a
// precondition; nil for none. A 404 is an error, too, unless the object is gone.
func (r *userLogoutReconciler) apiError(
	ctx context.Context, obj *v1alpha1.UserLogout, err error,
) (ctrl.Result, error) {
	switch {
	case apierrors.IsConflict(err):
		logr.FromContextOrDiscard(ctx).V(1).Info("the cache was behind, nothing done", "error", err.Error())
		return ctrl.Result{RequeueAfter: conflictDelay}, nil
	case apierrors.IsNotFound(err) && r.gone(obj):
		return ctrl.Result{}, nil
	}
	return ctrl.Result{}, err
}

// gone reports whether an object has been deleted as far as the watch tells. A
// 404 alone does not tell: an API server that does not serve the kind for a
// moment, as while its CustomResourceDefinition is replaced, answers so for all.
func (r *userLogoutReconciler) gone(obj *v1alpha1.UserLogout) bool {
	is := r.get(client.ObjectKeyFromObject(obj))
	return is == nil || is.UID != obj.UID
}

// announce emits an event for a change of the Ready condition's reason, once it
// is stored: Warning on trouble, Normal when it ended well. A logout that goes
// well from the start needs none: its status says so, and an event would be half
// as many writes again.
func (r *userLogoutReconciler) announce(obj *v1alpha1.UserLogout, before, after v1alpha1.UserLogoutStatus) {
	was, is := lifecycle.Ready(before), lifecycle.Ready(after)
	switch {
	case is.Reason == was.Reason && is.Status == was.Status:
	case is.Status == metav1.ConditionTrue && was.Status == metav1.ConditionFalse:
		r.recorder.Eventf(obj, nil, corev1.EventTypeNormal, is.Reason, eventAction, "%s", is.Message)
	case is.Status == metav1.ConditionFalse && is.Reason != v1alpha1.ReasonSuspended:
		r.recorder.Eventf(obj, nil, corev1.EventTypeWarning, is.Reason, eventAction, "%s", is.Message)
	}
}

// eventAction is what the operator was doing, as events.k8s.io/v1 asks for.
const eventAction = "LogOut"

// requeueAt asks to look again at the time t, or not at all if it is zero.
func requeueAt(t time.Time) ctrl.Result {
	if t.IsZero() {
		return ctrl.Result{}
	}
	return ctrl.Result{RequeueAfter: max(time.Until(t), time.Millisecond)} // 0 would mean not at all
}
