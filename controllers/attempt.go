package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilwait "k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// attempt is one claim, one call and one outcome. The claim is stored before
// the call, so that a crash at any moment leaves a claim that runs out rather
// than a call nobody knows of (docs/decisions/0001-claim-before-call.md).
func (r *userLogoutReconciler) attempt(ctx context.Context, obj *v1alpha1.UserLogout, with admission) (ctrl.Result, error) {
	defer with.slot.Release() // not before the outcome is stored
	if !r.attempts.begin() {
		return ctrl.Result{}, nil // the process is about to exit
	}
	defer r.attempts.end()

	claimedAt := time.Now()
	// All of the attempt's time counts from before the claim: however long the
	// claim's write or a pause of the process takes, no call starts after it.
	callBy := claimedAt.Add(r.CallTimeout)
	claim := obj.DeepCopy()
	claim.Status = claimedStatus(obj, claimedAt, r.VisibilityTimeout)
	if err := r.claim(claim, callBy); err != nil {
		return r.apiError(ctx, err)
	}
	if calling(obj) {
		repeats.WithLabelValues(obj.Spec.ProviderRef.Name).Inc()
	}

	outcome := r.call(ctx, claim, with, claimedAt, callBy)
	log := logr.FromContextOrDiscard(ctx).WithValues("attempt", outcome.Attempts, "reason", ready(outcome).Reason)
	if err := r.store(ctx, claim, outcome); apierrors.IsNotFound(err) {
		log.Info("outcome dropped: the object was deleted during the attempt")
		return ctrl.Result{}, nil
	} else if err != nil {
		outcomesUnstored.WithLabelValues(string(apierrors.ReasonForError(err))).Inc()
		log.Error(err, "outcome not stored: the attempt counts as one whose outcome is unknown")
		return requeueAt(timeOf(claim.Status.NextAttemptTime)), nil
	}
	r.announce(claim, obj.Status, outcome)
	r.countFinish(ctx, claim, obj.Status, outcome)
	claim.Status = outcome
	return requeueAt(decide(claim, time.Time{}, time.Now()).at), nil
}

// claim stores the claim if the object is still as the cache has it: its
// resourceVersion is the precondition. A conflict means that the cache was
// behind or that somebody else has the object. Like all of an attempt that has
// begun it does not end with the reconcile's context: a claim that is cut off
// may be stored all the same, and would have to run out.
func (r *userLogoutReconciler) claim(claim *v1alpha1.UserLogout, callBy time.Time) error {
	ctx, cancel := context.WithDeadline(r.attempts.ctx, callBy)
	defer cancel()
	return r.client.Status().Update(ctx, claim)
}

// call makes the call, tells the gate, and returns the status that tells of the
// outcome. It does not end with the reconcile's context, so that SIGTERM or a
// lost lease lets a call end that the service may already be working on.
func (r *userLogoutReconciler) call(ctx context.Context, claim *v1alpha1.UserLogout, with admission, claimedAt, callBy time.Time) v1alpha1.UserLogoutStatus {
	notAfter := timeOf(claim.Spec.NotAfter)
	callCtx, cancel := context.WithDeadline(r.attempts.ctx, earliest(callBy, notAfter))
	defer cancel()
	if withdrawn := r.awaitTurn(callCtx, claim, with, callBy); withdrawn != nil {
		return uncalledStatus(claim, withdrawn, time.Now())
	}
	began := time.Now()
	receipt, err := with.service.Logout(callCtx, claim.Spec.AccountID, claim.Spec.UserID)
	now := time.Now()
	failure := failureOf(ctx, err)
	if failure == nil || notAfter.IsZero() || now.Before(notAfter) {
		with.slot.Report(failure)
	} // else a tenant gave the service next to no time, which says nothing about it
	countAttempt(claim.Spec.ProviderRef.Name, failure, now.Sub(began))
	if failure == nil {
		return loggedOutStatus(claim, claimedAt, receipt, now)
	}
	return failedAttemptStatus(claim, claimedAt, failure, now, backoff(claim.Status.Attempts, failure, rand.Float64())) //nolint:gosec // jitter, not a secret
}

// awaitTurn waits for the turn of a call, and returns why it is not to be made
// after all. The gate has its last word: trouble that has become known since the
// claim keeps the call from being made. So does a claim that took three quarters
// of the attempt's time: a call that its deadline cuts off is repeated, and held
// against a service that may do its work. And all that admitted the object is
// looked at once more.
func (r *userLogoutReconciler) awaitTurn(ctx context.Context, claim *v1alpha1.UserLogout, with admission, callBy time.Time) *refusal {
	if !with.slot.Await(ctx) {
		return &refusal{reason: v1alpha1.ReasonQueued, message: "calls have been paused, or its time was up"}
	}
	if time.Until(callBy) < r.CallTimeout/4 {
		return &refusal{reason: v1alpha1.ReasonQueued, message: "storing its claim took too long"}
	}
	return with.withdrawn(ctx, claim)
}

// failureOf returns what a provider's error says; nil for none.
func failureOf(ctx context.Context, err error) *logout.Error {
	var failure *logout.Error
	if err != nil && !errors.As(err, &failure) {
		// Not quoted in the status: nobody vouches that it holds no secret.
		logr.FromContextOrDiscard(ctx).Error(err, "provider broke its contract: not a *logout.Error")
		failure = &logout.Error{Reason: logout.ServiceFailure, Message: "internal error of the provider"}
	}
	return failure
}

// storeBackoff spaces the tries to store an outcome.
var storeBackoff = utilwait.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Jitter: 0.5, Cap: 5 * time.Second, Steps: math.MaxInt32}

// storeTimeout bounds one try, so that a connection that hangs is given up.
const storeTimeout = 10 * time.Second

// store writes the outcome of a claim. While the API server cannot take it, the
// worker stays here and keeps trying: so the calls whose outcome is not stored
// never outnumber the workers, and new claims stop by themselves. What waiting
// cannot mend ends the hold with an error.
func (r *userLogoutReconciler) store(ctx context.Context, claim *v1alpha1.UserLogout, outcome v1alpha1.UserLogoutStatus) error {
	patch, err := outcomePatch(claim, outcome)
	if err != nil {
		return err
	}
	log := logr.FromContextOrDiscard(ctx)
	var last error
	err = storeBackoff.DelayFunc().Until(r.attempts.ctx, true, false, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		switch last = r.put(ctx, claim, outcome, patch); {
		case last == nil:
			return true, nil
		case hopeless(last):
			return false, last
		}
		log.Info("outcome not stored yet, trying again", "error", last.Error())
		return false, nil
	})
	if utilwait.Interrupted(err) && last != nil {
		return fmt.Errorf("%w before it could be stored: %w", err, last)
	}
	return err
}

// outcomePatch replaces the status if the object is still the one of the claim
// (not one re-created under its name) and the claim still stands (no later
// attempt, nobody has finished the object). It does not depend on the
// resourceVersion, so it lands although labels, annotations or spec.suspend
// changed during the call. The API server applies it as one.
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

// hopeless reports whether an error of the API server to a write will be the
// same next time.
func hopeless(err error) bool {
	return apierrors.IsNotFound(err) || apierrors.IsInvalid(err) || apierrors.IsForbidden(err) ||
		apierrors.IsBadRequest(err) || apierrors.IsMethodNotSupported(err) || apierrors.IsRequestEntityTooLargeError(err)
}

// put makes one try to store an outcome. A refusal does not tell an outcome that
// is no longer wanted from one that is stored already, by a try whose answer was
// lost (client-go tries again by itself, too), so the object is looked up.
func (r *userLogoutReconciler) put(ctx context.Context, claim *v1alpha1.UserLogout, outcome v1alpha1.UserLogoutStatus, patch client.Patch) error {
	key := client.ObjectKeyFromObject(claim)
	// As metadata, since nothing is done with the answer: it is shorter so.
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
	if live.UID == claim.UID && equality.Semantic.DeepEqual(live.Status, outcome) {
		return nil
	}
	return refused
}
