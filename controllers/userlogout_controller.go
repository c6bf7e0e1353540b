// Package controllers holds the two reconcilers: they watch, read, claim, call and store. Package lifecycle decides
// what to do with an object.
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

// conflictDelay is how long the cache gets to catch up after a conflict. The missing watch event usually arrives first.
const conflictDelay = time.Second

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
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=logout-operator-system,resources=leases,verbs=get;create;update
// +kubebuilder:rbac:groups="",namespace=logout-operator-system,resources=events,verbs=create;patch

// Reconcile takes the next step of one UserLogout. A failure of the service is an outcome in the status, never an error
// here. An error means that a request to the API server failed, and the queue retries it.
func (r *userLogoutReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	if !r.Schema.Await(ctx) {
		return ctrl.Result{}, nil // the process is about to exit
	}
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
		r.wake.gotSlot(req.NamespacedName)
		return r.attempt(ctx, obj, with)
	case lifecycle.Write:
		return r.write(ctx, obj, d)
	case lifecycle.Remove:
		return r.remove(ctx, obj)
	default:
		return requeueAt(d.At), nil
	}
}

// get returns an object that has not finished, or a finished one that needs something; nil if there is neither. Only
// some of its metadata is kept (package store).
func (r *userLogoutReconciler) get(key client.ObjectKey) *v1alpha1.UserLogout {
	if obj := r.unfinished.Get(key); obj != nil {
		return obj
	}
	return r.finished.get(key)
}

// write stores a status that needs no call.
func (r *userLogoutReconciler) write(
	ctx context.Context, obj *v1alpha1.UserLogout, d lifecycle.Decision,
) (ctrl.Result, error) {
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

// remove deletes the object only if it is still as in the cache: not if it was re-created under its name, nor if its
// TTL has changed since.
func (r *userLogoutReconciler) remove(ctx context.Context, obj *v1alpha1.UserLogout) (ctrl.Result, error) {
	err := r.client.Delete(ctx, obj, client.Preconditions{UID: &obj.UID, ResourceVersion: &obj.ResourceVersion})
	return r.apiError(ctx, obj, err)
}

// writeError returns what to do about an error from writing a status. If the object is too large for its status,
// retrying does not help: an event says so, and the object is looked at again when it changes, or after MaxBackoff.
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

// apiError returns what to do about an error from a write with a precondition; nil means no error. A 404 is an error,
// too, unless the object is gone.
func (r *userLogoutReconciler) apiError(
	ctx context.Context, obj *v1alpha1.UserLogout, err error,
) (ctrl.Result, error) {
	switch {
	case apierrors.IsConflict(err):
		logr.FromContextOrDiscard(ctx).V(1).Info("conflict: the cache was behind; the object is requeued", "error", err.Error())
		return ctrl.Result{RequeueAfter: conflictDelay}, nil
	case apierrors.IsNotFound(err) && r.gone(obj):
		return ctrl.Result{}, nil
	}
	return ctrl.Result{}, err
}

// gone reports whether the watch has seen the deletion of an object. A 404 alone does not prove a deletion: an API
// server that does not serve the kind for a moment, for example while its CustomResourceDefinition is replaced, answers
// 404 for every object.
func (r *userLogoutReconciler) gone(obj *v1alpha1.UserLogout) bool {
	is := r.get(client.ObjectKeyFromObject(obj))
	return is == nil || is.UID != obj.UID
}

// announce emits an event if the reason of the Ready condition has changed, once that is stored: Warning for a failure,
// Normal if the logout succeeded after one. A logout that succeeds at once needs no event: its status shows it, and an
// event would add half as many writes again.
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

// eventAction is the action that events.k8s.io/v1 requires in an event.
const eventAction = "LogOut"

// requeueAt requeues the object at the time t, or not at all if t is zero.
func requeueAt(t time.Time) ctrl.Result {
	if t.IsZero() {
		return ctrl.Result{}
	}
	return ctrl.Result{RequeueAfter: max(time.Until(t), time.Millisecond)} // 0 would mean never
}
