package controllers

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// attempt is an attempt under way.
type attempt struct {
	admission
	claim *v1alpha1.UserLogout
	at    time.Time // when it was claimed
	// callDeadline is the deadline of the call. It is counted from the time before the claim's write, so that no call starts
	// after it, however long the write takes or the process is paused.
	callDeadline time.Time
}

// attempt makes one claim, one call and one outcome. The claim is stored before the call, so that a crash at any moment
// leaves a claim that runs out, not a call that nobody knows about (docs/decisions/0001-claim-before-call.md).
func (r *userLogoutReconciler) attempt(
	ctx context.Context, obj *v1alpha1.UserLogout, with admission,
) (ctrl.Result, error) {
	defer with.slot.Release() // not before the outcome is stored
	if !r.attempts.begin() {
		return ctrl.Result{}, nil // the process is about to exit
	}
	defer r.attempts.end()

	now := time.Now()
	a := attempt{admission: with, claim: obj.DeepCopy(), at: now, callDeadline: now.Add(r.CallTimeout)}
	a.claim.Status = lifecycle.Claimed(obj, now, r.VisibilityTimeout)
	if err := r.claim(a.claim, a.callDeadline); errors.Is(err, errNotKept) {
		logr.FromContextOrDiscard(ctx).Error(err, "no call is made")
		r.Schema.Suspect()
		return ctrl.Result{RequeueAfter: conflictDelay}, nil
	} else if err != nil {
		return r.writeError(ctx, obj, err)
	}
	if lifecycle.Calling(obj) {
		repeats.WithLabelValues(obj.Spec.ProviderRef.Name).Inc()
	}
	status := r.call(ctx, a)
	return r.settle(ctx, outcome{a.claim, obj.Status, status})
}

// claim stores the claim if the object is still as the cache has it: its resourceVersion is the precondition. A
// conflict means that the cache was behind, or that somebody else has claimed or changed the object. Like everything in
// an attempt that has begun, the write does not end with the reconcile's context: a write that is cut off may be stored
// all the same, and the claim would have to run out.
//
// The API server has to return what was sent. If its schema is older than this program, it drops fields without an
// error, and a claim that nobody can see prevents no call.
func (r *userLogoutReconciler) claim(claim *v1alpha1.UserLogout, callDeadline time.Time) error {
	ctx, cancel := context.WithDeadline(r.attempts.ctx, callDeadline)
	defer cancel()
	sent := claim.Status.DeepCopy()
	if err := r.client.Status().Update(ctx, claim); err != nil {
		return err
	}
	is := claim.Status
	if !lifecycle.Calling(claim) || is.Attempts != sent.Attempts || !is.NextAttemptTime.Equal(sent.NextAttemptTime) {
		return errNotKept
	}
	r.written.note(time.Now())
	return nil
}

// errNotKept means that the API server stored only part of a claim.
var errNotKept = errors.New("the API server dropped fields of the claim: " +
	"the CustomResourceDefinition may be older than the operator")

// call makes the call, reports the result to the gate, and returns the status with the outcome. It does not end with
// the reconcile's context: on SIGTERM or a lost lease, a call ends normally, because the service may already be working
// on it.
func (r *userLogoutReconciler) call(ctx context.Context, a attempt) v1alpha1.UserLogoutStatus {
	spec := a.claim.Spec
	callCtx, cancel := context.WithDeadline(r.attempts.ctx, lifecycle.CallEnd(a.claim, a.callDeadline))
	defer cancel()
	if withdrawn := r.awaitTurn(callCtx, a); withdrawn != nil {
		return lifecycle.Uncalled(a.claim, withdrawn, time.Now())
	}
	began := time.Now()
	receipt, err := a.service.Logout(callCtx, spec.AccountID, spec.UserID)
	now := time.Now()
	failure := failureOf(ctx, err)
	if notAfter := lifecycle.NotAfter(a.claim); failure == nil || notAfter.IsZero() || now.Before(notAfter) {
		a.slot.Report(failure)
	} else { // the object's notAfter left the service too little time
		a.slot.CutOff(failure)
	}
	countCall(spec.ProviderRef.Name, failure, now.Sub(began))
	if failure == nil {
		return lifecycle.LoggedOut(a.claim, a.at, receipt, now)
	}
	return lifecycle.FailedAttempt(a.claim, a.at, failure, now, jittered(a.claim, failure))
}

// jittered is how long to wait after an attempt that failed.
func jittered(claim *v1alpha1.UserLogout, failure *logout.Error) time.Duration {
	return lifecycle.Backoff(claim.Status.Attempts, failure, rand.Float64()) //nolint:gosec // jitter, not a secret
}

// awaitTurn waits for the turn of a call, and returns why the call must not be made after all; nil if it may. The gate
// stops the call if calls have been paused, or the provider has got another client, since the slot was given. The call
// is also not made if storing the claim and waiting for the turn took three quarters of the attempt's time: a call that
// its deadline cuts off is retried, and counts against a service that may have carried it out. A backoff follows in
// this case; otherwise an API server that is slow each time would store nothing but claims. Finally, everything that
// admitted the object is checked again.
func (r *userLogoutReconciler) awaitTurn(ctx context.Context, a attempt) *lifecycle.Refusal {
	turn := a.slot.Await(ctx)
	switch {
	case time.Until(a.callDeadline) < r.CallTimeout/4:
		return &lifecycle.Refusal{Reason: v1alpha1.ReasonQueued, Message: "storing the claim took too long",
			Backoff: jittered(a.claim, &logout.Error{})}
	case !turn:
		return &lifecycle.Refusal{Reason: v1alpha1.ReasonQueued,
			Message: "calls were paused, or the attempt's time ran out"}
	}
	return a.recheck(ctx, a.claim)
}

// failureOf returns the failure in a client's error; nil for none.
func failureOf(ctx context.Context, err error) *logout.Error {
	var failure *logout.Error
	if err != nil && !errors.As(err, &failure) {
		// The status does not quote the error, which may contain a secret.
		logr.FromContextOrDiscard(ctx).Error(err, "the client returned an error of the wrong type (want *logout.Error)")
		failure = &logout.Error{Reason: logout.ServiceFailure,
			Message: "internal error in the client of this provider type"}
	}
	return failure
}
