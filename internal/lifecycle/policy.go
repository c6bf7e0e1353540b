package lifecycle

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// unsaidFor is how long a refusal that usually ends within moments is not written to the status. Otherwise every cache
// that is behind would cost a write.
const unsaidFor = 5 * time.Second

// Refusal says why an object cannot be attempted because of something outside it.
type Refusal struct {
	Reason, Message string
	// Since is when a refusal began that usually ends within moments; zero for any other, which is written at once.
	Since time.Time
	// Backoff is the wait before the next attempt, if this one took too long before its call; zero otherwise. The time
	// of such an attempt counts against the deadline; otherwise such attempts could follow each other for ever.
	Backoff time.Duration
}

// tell is when to write the refusal to the status. If that is more than unsaidFor ahead, Since comes from a clock that
// is ahead, and the refusal is written at once.
func (f *Refusal) tell(now time.Time) time.Time {
	at := f.Since.Add(unsaidFor)
	if f.Since.IsZero() || at.Sub(now) > unsaidFor {
		return now
	}
	return at
}

// Policy returns why a provider does not allow an object of a namespace; nil if it does. It fails closed: it does not
// allow what it does not know, such as a namespace that the cache does not have yet (nil) or a value from a later
// version. Only the administrator can change the result.
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
			"allows no namespace: spec.allowedNamespaces.from has the unsupported value %q", allowed.From)
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
