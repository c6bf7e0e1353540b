package lifecycle

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// unsaidFor is how long an object is not told of a refusal that is usually over
// within moments: it would be a write each time that a cache is behind.
const unsaidFor = 5 * time.Second

// Refusal is why something outside the object keeps it from being attempted.
type Refusal struct {
	Reason, Message string
	// Since is when a refusal began that usually ends by itself at once; zero
	// for one that is told at once.
	Since time.Time
	// Backoff before the next attempt, if this one took too long before its call;
	// zero else. Its time counts as tried, or such attempts would have no end.
	Backoff time.Duration
}

// tell is when to tell the object that it is refused. A time to come by more
// than unsaidFor is by a clock that is ahead, and no reason for silence.
func (f *Refusal) tell(now time.Time) time.Time {
	at := f.Since.Add(unsaidFor)
	if f.Since.IsZero() || at.Sub(now) > unsaidFor {
		return now
	}
	return at
}

// Policy says why a provider does not allow an object of a namespace; nil if it
// does. It fails closed: what it does not know (a namespace that the cache has
// yet to see, which is nil; a value of a later version) it does not allow.
// Only the administrator can change the answer.
func Policy(
	p *v1alpha1.ClusterLogoutProvider, namespace *metav1.PartialObjectMetadata, obj *v1alpha1.UserLogout,
) *Refusal {
	refuse := func(since time.Time, format string, a ...any) *Refusal {
		message := fmt.Sprintf("ClusterLogoutProvider %q ", p.Name) + fmt.Sprintf(format, a...)
		return &Refusal{Reason: v1alpha1.ReasonNotAllowed, Message: message, Since: since}
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
