package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
	"github.com/logout-operator/logout-operator/internal/logout"
	"github.com/logout-operator/logout-operator/internal/providers"
)

// admission is what an attempt needs: a client and a slot.
type admission struct {
	service logout.Client
	slot    *gate.Slot
	// recheck checks again, right before the call, whether it may still be made. It returns why not; nil if it may.
	recheck func(context.Context, *v1alpha1.UserLogout) *lifecycle.Refusal
}

// admit decides whether an object that is due may be attempted now: whether its provider exists, allows it and is
// usable, and whether the object has a slot. If something is missing, a watch wakes the object when that appears, and
// the gate calls the object up when it has a slot. So a timer is needed only for the object's deadline.
func (r *userLogoutReconciler) admit(
	ctx context.Context, obj *v1alpha1.UserLogout, now time.Time,
) (lifecycle.Decision, admission, error) {
	p, service, refused, err := r.lookUp(ctx, obj)
	if err != nil {
		return lifecycle.Decision{}, admission{}, err
	}
	key := client.ObjectKeyFromObject(obj)
	if refused != nil {
		r.gates.Leave(key)
		return lifecycle.DecideBlocked(obj, *refused, now), admission{}, nil
	}
	if invalid := service.CheckIDs(obj.Spec.AccountID, obj.Spec.UserID); invalid != nil {
		r.gates.Leave(key)
		return lifecycle.DecideInvalid(obj, "spec."+invalid.Message, now), admission{}, nil
	}
	slot, wait := r.gates.Enter(gateOf(p, service), applicantOf(obj))
	if slot == nil {
		return lifecycle.DecideQueued(obj, queueOf(wait), now), admission{}, nil
	}
	return lifecycle.Decision{Do: lifecycle.Attempt}, admission{service, slot, r.recheck(service)}, nil
}

// recheck returns the last check of an attempt with this client. The check uses what the process has in memory,
// without a read from the API server. Storing a claim and waiting for a turn take time, and if an administrator or the
// object's owner forbids the call meanwhile, it must not be made.
func (r *userLogoutReconciler) recheck(
	service logout.Client,
) func(context.Context, *v1alpha1.UserLogout) *lifecycle.Refusal {
	return func(ctx context.Context, claim *v1alpha1.UserLogout) *lifecycle.Refusal {
		obj := r.get(client.ObjectKeyFromObject(claim))
		switch {
		case obj == nil || obj.UID != claim.UID:
			return &lifecycle.Refusal{Reason: v1alpha1.ReasonQueued, Message: "the object was deleted"}
		case !obj.DeletionTimestamp.IsZero():
			return &lifecycle.Refusal{Reason: v1alpha1.ReasonQueued, Message: "the object is being deleted"}
		case lifecycle.Finished(obj):
			return &lifecycle.Refusal{Reason: v1alpha1.ReasonQueued, Message: "the object has finished"}
		case lifecycle.Suspended(obj):
			return &lifecycle.Refusal{Reason: v1alpha1.ReasonQueued, Message: "spec.suspend is true"}
		}
		_, is, refused, err := r.lookUp(ctx, obj)
		switch {
		case refused != nil:
			return refused
		case err != nil || is != service:
			return &lifecycle.Refusal{Reason: v1alpha1.ReasonQueued,
				Message: "the provider's configuration has changed"}
		}
		return nil
	}
}

// applicantOf returns what the gate needs to know about an object.
func applicantOf(obj *v1alpha1.UserLogout) gate.Applicant {
	a := gate.Applicant{
		Object: client.ObjectKeyFromObject(obj), Account: obj.Spec.AccountID, Created: obj.CreationTimestamp.Time,
		Failed: obj.Status.LastAttempt != nil, Expires: lifecycle.Deadline(obj),
	}
	a.Unknown = lifecycle.Calling(obj) || obj.Status.Attempts > 0 && !a.Failed
	if lifecycle.StartTime(obj).IsZero() {
		a.GiveUp, a.WaitingSince = lifecycle.ActiveDeadline(obj), lifecycle.WaitsSince(obj)
	}
	return a
}

// queueOf returns what the rules need to know about an object that waits at the gate.
func queueOf(wait gate.Wait) lifecycle.QueueState {
	return lifecycle.QueueState{Pause: pauseOf(wait.Pause), NamespaceOnly: wait.NamespaceOnly,
		ShowQueued: wait.ShowQueued}
}

// pauseOf returns what the rules need to know about a pause.
func pauseOf(p *gate.Pause) *lifecycle.Pause {
	if p == nil {
		return nil
	}
	return &lifecycle.Pause{Reason: string(p.Reason), Message: p.Message, Since: p.Since, Until: p.Until,
		Over: p.Until.Add(gate.PauseExpiry)}
}

// gateOf returns what the gate needs to know about a provider.
func gateOf(p *v1alpha1.ClusterLogoutProvider, service logout.Client) gate.Settings {
	g := gate.Settings{Name: p.Name, Client: service,
		Limit: gate.Limit{PerSecond: float64(p.Spec.RateLimit.RequestsPerSecond), Burst: int(p.Spec.RateLimit.Burst)}}
	if h := p.Status.Hold; h != nil {
		g.Restored = &gate.Pause{Reason: logout.Reason(h.Reason), Message: h.Message, Since: h.Since.Time,
			Until: h.NextProbeTime.Time}
	}
	return g
}

// lookUp returns an object's provider from the cache and the provider's client, or why the object may not use them.
func (r *userLogoutReconciler) lookUp(
	ctx context.Context, obj *v1alpha1.UserLogout,
) (*v1alpha1.ClusterLogoutProvider, logout.Client, *lifecycle.Refusal, error) {
	name := obj.Spec.ProviderRef.Name
	var p v1alpha1.ClusterLogoutProvider
	if err := r.client.Get(ctx, client.ObjectKey{Name: name}, &p); apierrors.IsNotFound(err) {
		return nil, nil, &lifecycle.Refusal{Reason: v1alpha1.ReasonProviderNotFound,
			Message: fmt.Sprintf("ClusterLogoutProvider %q not found", name)}, nil
	} else if err != nil {
		return nil, nil, nil, err
	}
	namespace, err := r.namespace(ctx, obj.Namespace)
	if err != nil {
		return nil, nil, nil, err
	}
	if refused := lifecycle.Policy(&p, namespace, obj); refused != nil {
		return nil, nil, refused, nil
	}
	service, err := r.providers.Client(ctx, &p)
	if misconfigured, ok := errors.AsType[*providers.ConfigError](err); ok {
		return nil, nil, &lifecycle.Refusal{Reason: v1alpha1.ReasonProviderNotReady,
			Message: fmt.Sprintf("ClusterLogoutProvider %q is not ready: %s: %s",
				name, misconfigured.Reason, misconfigured.Message)}, nil
	}
	return &p, service, nil, err
}

// namespace returns a namespace from the cache; nil if the cache does not have it, which mostly means that the watch of
// namespaces is behind.
func (r *userLogoutReconciler) namespace(ctx context.Context, name string) (*metav1.PartialObjectMetadata, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(namespaceKind)
	err := r.client.Get(ctx, client.ObjectKey{Name: name}, namespace)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return namespace, err
}
