package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilwait "k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
)

// outcome is the result of an attempt, to be stored in its object.
type outcome struct {
	claim  *v1alpha1.UserLogout      // as the API server stored it
	before v1alpha1.UserLogoutStatus // before the claim
	status v1alpha1.UserLogoutStatus
}

// storeBackoff spaces the retries of storing an outcome.
var storeBackoff = utilwait.Backoff{
	Duration: 100 * time.Millisecond, Factor: 2, Jitter: 0.5, Cap: 5 * time.Second, Steps: math.MaxInt32}

// storeTimeout bounds one try, so that a connection that hangs is given up.
const storeTimeout = 10 * time.Second

// notFoundTries is how many times the API server must answer 404 for an object that the watch still knows before its
// outcome is kept. The watch reports a deletion within moments.
const notFoundTries = 4

// errSuperseded means that an outcome is no longer wanted: somebody else has re-created, claimed or finished the
// object.
var errSuperseded = errors.New("the claim is no longer valid")

// settle stores an outcome and emits its event. If the outcome cannot be stored, the process keeps it and makes no
// other call for the object.
func (r *userLogoutReconciler) settle(ctx context.Context, o outcome) (ctrl.Result, error) {
	log := logr.FromContextOrDiscard(ctx).WithValues("attempt", o.status.Attempts, "reason", lifecycle.Ready(o.status).Reason)
	switch err := r.store(ctx, o); {
	case err == nil:
		return r.stored(ctx, o), nil
	case apierrors.IsNotFound(err) && r.gone(o.claim):
		log.Info("outcome dropped: the object was deleted during the attempt")
		return ctrl.Result{}, nil
	default:
		if apierrors.IsNotFound(err) {
			r.Schema.Suspect()
		}
		outcomesUnstored.WithLabelValues(refusalReason(err)).Inc()
		if errors.Is(err, errSuperseded) {
			log.Error(err, "outcome not stored")
			return requeueAt(lifecycle.ClaimEnd(o.claim)), nil
		}
		log.Error(brief(err),
			"outcome not stored; kept in memory. This process makes no other call for the object")
		r.tellUnstored(o.claim, err)
		return requeueAt(r.unstored.keep(o, time.Now())), nil
	}
}

// stored emits the event and the metrics of an outcome that has been stored.
func (r *userLogoutReconciler) stored(ctx context.Context, o outcome) ctrl.Result {
	r.announce(o.claim, o.before, o.status)
	r.countFinish(ctx, o.claim, o.before, o.status)
	obj := o.claim.DeepCopy()
	obj.Status = o.status
	return requeueAt(lifecycle.Decide(obj, time.Time{}, time.Now()).At)
}

// storeKept retries to store a kept outcome, if it is time to.
func (r *userLogoutReconciler) storeKept(ctx context.Context, kept keptOutcome, now time.Time) (ctrl.Result, error) {
	if now.Before(kept.next) {
		return requeueAt(kept.next), nil
	}
	o := kept.outcome
	switch err := r.put(ctx, o); {
	case err == nil:
		r.unstored.forget(client.ObjectKeyFromObject(o.claim))
		return r.stored(ctx, o), nil
	case apierrors.IsNotFound(err) && r.gone(o.claim), errors.Is(err, errSuperseded):
		r.unstored.forget(client.ObjectKeyFromObject(o.claim))
		return ctrl.Result{RequeueAfter: conflictDelay}, nil
	default:
		logr.FromContextOrDiscard(ctx).Error(brief(err), "outcome not stored yet", "attempt", o.status.Attempts)
		return requeueAt(r.unstored.keep(o, time.Now())), nil
	}
}

// store writes the outcome of a claim. While the API server takes no writes, the worker stays here and retries, and
// keeps its slot. So the calls whose outcome is not stored never outnumber the slots, and none is left for new claims.
//
// It gives up, with an error, in three cases: when a drain ends, when the API server refuses the outcome for good, and
// when the outcome is not stored by the end of the claim although the API server has taken another write since the
// first try. In the last case only this object cannot be written, for example because a webhook fails for it or a quota
// is used up, and waiting longer would only delay calls for others. One try is always made after the end of the claim,
// however long the earlier ones took, because a try whose answer was lost may have stored the outcome. A 404 is final
// if the watch reports the deletion, too; it gets a moment to do so.
func (r *userLogoutReconciler) store(ctx context.Context, o outcome) error {
	log := logr.FromContextOrDiscard(ctx)
	began, end := time.Now(), lifecycle.ClaimEnd(o.claim)
	var last error
	notFound := 0
	err := storeBackoff.DelayFunc().Until(r.attempts.ctx, true, false, func(ctx context.Context) (bool, error) {
		tried := time.Now()
		switch last = r.put(ctx, o); {
		case last == nil:
			return true, nil
		case apierrors.IsNotFound(last):
			if notFound++; notFound == notFoundTries || r.gone(o.claim) {
				return false, last
			}
		case hopeless(last), !tried.Before(end) && r.written.after(began):
			return false, last
		}
		log.Info("outcome not stored yet, will retry", "error", brief(last).Error())
		return false, nil
	})
	if utilwait.Interrupted(err) && last != nil {
		return fmt.Errorf("%w before it could be stored: %w", err, last)
	}
	return err
}

// put makes one try to store an outcome, in a smaller form if the API server finds the object too large.
func (r *userLogoutReconciler) put(ctx context.Context, o outcome) (err error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	for _, form := range lifecycle.Forms(o.claim.Status, o.status) {
		if err = r.putForm(ctx, o.claim, form); !tooLarge(err) {
			break
		}
	}
	if err == nil {
		r.written.note(time.Now())
	}
	return err
}

// putForm makes one try to store an outcome in one form. If the API server refuses it, the outcome may no longer be
// wanted, or an earlier try whose answer was lost may have stored it already (client-go retries, too). So putForm reads
// the object to find out.
func (r *userLogoutReconciler) putForm(
	ctx context.Context, claim *v1alpha1.UserLogout, status v1alpha1.UserLogoutStatus,
) error {
	patch, err := outcomePatch(claim, status)
	if err != nil {
		return err
	}
	key := client.ObjectKeyFromObject(claim)
	// The response is not used, so only the metadata is requested, which is shorter.
	obj := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
	obj.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("UserLogout"))
	refused := r.client.Status().Patch(ctx, obj, patch)
	if !apierrors.IsInvalid(refused) {
		return refused
	}
	live := &v1alpha1.UserLogout{}
	if err := r.apiReader.Get(ctx, key, live); err != nil {
		return err
	}
	switch {
	case live.UID != claim.UID:
		return errSuperseded
	case equality.Semantic.DeepEqual(live.Status, status):
		return nil
	case live.Status.Attempts != claim.Status.Attempts ||
		!live.Status.NextAttemptTime.Equal(claim.Status.NextAttemptTime):
		return errSuperseded
	}
	return refused
}

// outcomePatch replaces the status if the object is still the one of the claim (not one re-created under its name) and
// the claim still stands (no later attempt, nobody has finished the object). It does not depend on the resourceVersion,
// so it succeeds even if labels, annotations or spec.suspend changed during the call. The API server applies it as a
// whole or not at all.
func outcomePatch(claim *v1alpha1.UserLogout, outcome v1alpha1.UserLogoutStatus) (client.Patch, error) {
	type op struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	data, err := json.Marshal([]op{
		{"test", "/metadata/uid", claim.UID},
		{"test", "/status/attempts", claim.Status.Attempts},
		{"test", "/status/nextAttemptTime", claim.Status.NextAttemptTime},
		{"replace", "/status", outcome},
	})
	return client.RawPatch(types.JSONPatchType, data), err
}

// hopeless reports whether the API server will answer a retry of the write with the same error.
func hopeless(err error) bool {
	return errors.Is(err, errSuperseded) || tooLarge(err) ||
		apierrors.IsInvalid(err) || apierrors.IsForbidden(err) ||
		apierrors.IsBadRequest(err) || apierrors.IsMethodNotSupported(err)
}

// tellUnstored emits an event if a status cannot be written. It gives only the reason of the API server's error,
// because the message may quote the object.
func (r *userLogoutReconciler) tellUnstored(obj *v1alpha1.UserLogout, err error) {
	note := "The API server refuses the status (" + refusalReason(err) + "). " +
		"No call is made until the status can be stored. See the operator's log."
	if tooLarge(err) {
		note = "The object is too large for its status; no call is made. " +
			"Remove labels or annotations, or create a smaller object."
	}
	r.recorder.Eventf(obj, nil, corev1.EventTypeWarning, v1alpha1.ReasonStatusUnstored, eventAction, "%s", note)
}
