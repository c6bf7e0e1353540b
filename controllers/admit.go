package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/logout"
	"github.com/logout-operator/logout-operator/internal/providers"
)

// refusal is why something outside the object keeps it from being attempted.
type refusal struct {
	reason, message string
}

// admit decides whether an object that is due may be attempted now: whether its
// provider exists, allows it and is usable, and whether its slot has come. What
// is missing wakes the object by a watch when it appears, and the gate calls it
// up when it has a slot, so it is looked at again only for its deadline.
func (r *userLogoutReconciler) admit(ctx context.Context, obj *v1alpha1.UserLogout, now time.Time) (decision, error) {
	p, service, refused, err := r.lookUp(ctx, obj)
	if err != nil {
		return decision{}, err
	}
	key := client.ObjectKeyFromObject(obj)
	if refused != nil {
		r.gates.Leave(key)
		return decideBlocked(obj, *refused, now), nil
	}
	slot, wait := r.gates.Enter(gateOf(p, service), applicantOf(obj))
	if slot == nil {
		return decideQueued(obj, wait, now), nil
	}
	return decision{do: attempt, provider: service, slot: slot}, nil
}

// applicantOf is what the gate needs to know of an object.
func applicantOf(obj *v1alpha1.UserLogout) gate.Applicant {
	a := gate.Applicant{
		Object: client.ObjectKeyFromObject(obj), Account: obj.Spec.AccountID, Created: obj.CreationTimestamp.Time,
		Failed: obj.Status.LastAttempt != nil, Expires: deadline(obj),
	}
	a.Unknown = calling(obj) || obj.Status.Attempts > 0 && !a.Failed
	if startTime(obj).IsZero() {
		a.GiveUp = activeDeadline(obj)
	}
	return a
}

// gateOf is what the gate needs to know of a provider.
func gateOf(p *v1alpha1.ClusterLogoutProvider, service logout.Provider) gate.Provider {
	g := gate.Provider{Name: p.Name, Client: service,
		Limit: gate.Limit{PerSecond: float64(p.Spec.RateLimit.RequestsPerSecond), Burst: int(p.Spec.RateLimit.Burst)}}
	if h := p.Status.Hold; h != nil {
		g.Restored = &gate.Closure{Reason: logout.Reason(h.Reason), Message: h.Message, Since: h.Since.Time, Until: h.NextProbeTime.Time}
	}
	return g
}

// lookUp finds the provider of an object in the cache, and its client, or the
// reason why there is none for this object.
func (r *userLogoutReconciler) lookUp(ctx context.Context, obj *v1alpha1.UserLogout) (*v1alpha1.ClusterLogoutProvider, logout.Provider, *refusal, error) {
	name := obj.Spec.ProviderRef.Name
	var p v1alpha1.ClusterLogoutProvider
	if err := r.client.Get(ctx, client.ObjectKey{Name: name}, &p); apierrors.IsNotFound(err) {
		return nil, nil, &refusal{v1alpha1.ReasonProviderNotFound, fmt.Sprintf("ClusterLogoutProvider %q not found", name)}, nil
	} else if err != nil {
		return nil, nil, nil, err
	}
	namespace := metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(namespaceKind)
	if err := r.client.Get(ctx, client.ObjectKey{Name: obj.Namespace}, &namespace); client.IgnoreNotFound(err) != nil {
		return nil, nil, nil, err
	}
	if refused := policy(&p, obj.Namespace, namespace.Labels, obj.Spec.AccountID); refused != nil {
		return nil, nil, refused, nil
	}
	service, err := r.providers.Client(ctx, &p)
	var misconfigured *providers.ConfigError
	if errors.As(err, &misconfigured) {
		return nil, nil, &refusal{v1alpha1.ReasonProviderNotReady,
			fmt.Sprintf("ClusterLogoutProvider %q is not ready: %s: %s", name, misconfigured.Reason, misconfigured.Message)}, nil
	}
	return &p, service, nil, err
}

// policy says why a provider does not allow a namespace to log out users of an
// account; nil if it does. Only the administrator can change the answer.
func policy(p *v1alpha1.ClusterLogoutProvider, namespace string, namespaceLabels map[string]string, accountID string) *refusal {
	if !slices.Contains(p.Spec.AccountIDs, accountID) && !slices.Contains(p.Spec.AccountIDs, "*") {
		return &refusal{v1alpha1.ReasonNotAllowed, fmt.Sprintf("ClusterLogoutProvider %q does not allow this accountID: its spec.accountIDs does not list it", p.Name)}
	}
	if p.Spec.AllowedNamespaces.From == v1alpha1.NamespacesFromAll {
		return nil
	}
	selector, err := metav1.LabelSelectorAsSelector(p.Spec.AllowedNamespaces.Selector)
	if err != nil {
		return &refusal{v1alpha1.ReasonNotAllowed, fmt.Sprintf("ClusterLogoutProvider %q: spec.allowedNamespaces.selector: %v", p.Name, err)}
	}
	if !selector.Matches(labels.Set(namespaceLabels)) {
		return &refusal{v1alpha1.ReasonNotAllowed, fmt.Sprintf("ClusterLogoutProvider %q does not allow namespace %q: its labels do not match spec.allowedNamespaces.selector", p.Name, namespace)}
	}
	return nil
}
