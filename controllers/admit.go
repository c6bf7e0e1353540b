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

// unsaidFor is how long an object is not told of a refusal that is usually over
// within moments: it would be a write each time that a cache is behind.
const unsaidFor = 5 * time.Second

// refusal is why something outside the object keeps it from being attempted.
type refusal struct {
	reason, message string
	// since is when a refusal began that usually ends by itself at once; zero
	// for one that is told at once.
	since time.Time
	// backoff before the next attempt, if this one took too long before its call;
	// zero else. Its time counts as tried, or such attempts would have no end.
	backoff time.Duration
}

// tell is when to tell the object that it is refused. A time to come by more
// than unsaidFor is by a clock that is ahead, and no reason for silence.
func (f *refusal) tell(now time.Time) time.Time {
	at := f.since.Add(unsaidFor)
	if f.since.IsZero() || at.Sub(now) > unsaidFor {
		return now
	}
	return at
}

// admission is what an attempt is made with.
type admission struct {
	service logout.Provider
	slot    *gate.Slot
	// withdrawn looks once more, right before the call, whether it may still be
	// made, and returns why not; nil if it may.
	withdrawn func(context.Context, *v1alpha1.UserLogout) *refusal
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
	return decision{do: attempt, admission: admission{service, slot, r.withdrawn(service)}}, nil
}

// withdrawn returns how an attempt with this client is looked at once more: by
// what the process knows, without a read of the API server. A claim takes time
// to store and a slot to have its turn, and what an administrator or the owner
// of the object forbids meanwhile is not done.
func (r *userLogoutReconciler) withdrawn(service logout.Provider) func(context.Context, *v1alpha1.UserLogout) *refusal {
	return func(ctx context.Context, claim *v1alpha1.UserLogout) *refusal {
		obj := r.get(client.ObjectKeyFromObject(claim))
		switch {
		case obj == nil || obj.UID != claim.UID:
			return &refusal{reason: v1alpha1.ReasonQueued, message: "the object is gone"}
		case !obj.DeletionTimestamp.IsZero():
			return &refusal{reason: v1alpha1.ReasonQueued, message: "the object is being deleted"}
		case finished(obj):
			return &refusal{reason: v1alpha1.ReasonQueued, message: "the object has finished"}
		case suspended(obj):
			return &refusal{reason: v1alpha1.ReasonQueued, message: "spec.suspend holds it"}
		}
		_, is, refused, err := r.lookUp(ctx, obj)
		switch {
		case refused != nil:
			return refused
		case err != nil || is != service:
			return &refusal{reason: v1alpha1.ReasonQueued, message: "the provider's configuration has changed"}
		}
		return nil
	}
}

// applicantOf is what the gate needs to know of an object.
func applicantOf(obj *v1alpha1.UserLogout) gate.Applicant {
	a := gate.Applicant{
		Object: client.ObjectKeyFromObject(obj), Account: obj.Spec.AccountID, Created: obj.CreationTimestamp.Time,
		Failed: obj.Status.LastAttempt != nil, Expires: deadline(obj),
	}
	a.Unknown = calling(obj) || obj.Status.Attempts > 0 && !a.Failed
	if startTime(obj).IsZero() {
		a.GiveUp, a.Came = activeDeadline(obj), cameAt(obj)
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
		return nil, nil, &refusal{reason: v1alpha1.ReasonProviderNotFound,
			message: fmt.Sprintf("ClusterLogoutProvider %q not found", name)}, nil
	} else if err != nil {
		return nil, nil, nil, err
	}
	namespace, err := r.namespace(ctx, obj.Namespace)
	if err != nil {
		return nil, nil, nil, err
	}
	if refused := policy(&p, namespace, obj); refused != nil {
		return nil, nil, refused, nil
	}
	service, err := r.providers.Client(ctx, &p)
	if misconfigured, ok := errors.AsType[*providers.ConfigError](err); ok {
		return nil, nil, &refusal{reason: v1alpha1.ReasonProviderNotReady,
			message: fmt.Sprintf("ClusterLogoutProvider %q is not ready: %s: %s",
				name, misconfigured.Reason, misconfigured.Message)}, nil
	}
	return &p, service, nil, err
}

// namespace returns what the cache has of a namespace; nil if it has none of the
// name, which mostly means that the watch of namespaces is behind.
func (r *userLogoutReconciler) namespace(ctx context.Context, name string) (*metav1.PartialObjectMetadata, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(namespaceKind)
	err := r.client.Get(ctx, client.ObjectKey{Name: name}, namespace)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return namespace, err
}

// policy says why a provider does not allow an object of a namespace; nil if it
// does. It fails closed: what it does not know (a namespace that the cache has
// yet to see, which is nil; a value of a later version) it does not allow.
// Only the administrator can change the answer.
func policy(
	p *v1alpha1.ClusterLogoutProvider, namespace *metav1.PartialObjectMetadata, obj *v1alpha1.UserLogout,
) *refusal {
	refuse := func(since time.Time, format string, a ...any) *refusal {
		message := fmt.Sprintf("ClusterLogoutProvider %q ", p.Name) + fmt.Sprintf(format, a...)
		return &refusal{reason: v1alpha1.ReasonNotAllowed, message: message, since: since}
	}
	allowed := p.Spec.AllowedNamespaces
	selector, err := metav1.LabelSelectorAsSelector(allowed.Selector)
	switch {
	case !slices.Contains(p.Spec.AccountIDs, obj.Spec.AccountID) && !slices.Contains(p.Spec.AccountIDs, "*"):
		return refuse(time.Time{}, "does not allow this accountID: its spec.accountIDs does not list it")
	case namespace != nil && !namespace.DeletionTimestamp.IsZero():
		return refuse(namespace.DeletionTimestamp.Time,
			"allows no calls for namespace %q while the namespace is being deleted", obj.Namespace)
	case allowed.From == v1alpha1.NamespacesFromAll:
		return nil
	case allowed.From != v1alpha1.NamespacesFromSelector:
		return refuse(time.Time{},
			"allows no namespace: this version of the operator does not know the value %q of spec.allowedNamespaces.from",
			allowed.From)
	case err != nil:
		return refuse(time.Time{}, "allows no namespace: spec.allowedNamespaces.selector: %v", err)
	case namespace == nil:
		return refuse(obj.CreationTimestamp.Time,
			"selects namespaces by label, and the operator has not seen namespace %q yet; the logout continues once it has",
			obj.Namespace)
	case !selector.Matches(labels.Set(namespace.Labels)):
		return refuse(time.Time{},
			"does not allow namespace %q: its labels do not match spec.allowedNamespaces.selector", obj.Namespace)
	}
	return nil
}
