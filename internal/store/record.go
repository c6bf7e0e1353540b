package store

import (
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// layout codes all that is kept of an object, in the same order for writing and for reading.
type layout struct {
	spec, status, own coder
}

// encode returns the record of an object.
func encode(obj *v1alpha1.UserLogout) record {
	var l layout
	l.object(obj)
	return record{unique.Make(string(l.spec.written)), unique.Make(string(l.status.written)), string(l.own.written)}
}

// decode sets obj to the object of the record. obj may have been used before; its slices are used again.
func (r record) decode(key types.NamespacedName, obj *v1alpha1.UserLogout) {
	l := layout{spec: reader(r.spec.Value()), status: reader(r.status.Value()), own: reader(r.own)}
	*obj = v1alpha1.UserLogout{Status: v1alpha1.UserLogoutStatus{Conditions: obj.Status.Conditions[:0]}}
	obj.Namespace, obj.Name = key.Namespace, key.Name
	l.object(obj)
}

// provider returns the name of the object's provider.
func (r record) provider() string {
	var ref v1alpha1.ProviderReference
	l := layout{spec: reader(r.spec.Value())}
	l.provider(&ref)
	return ref.Name
}

func (l *layout) object(obj *v1alpha1.UserLogout) {
	l.own.uid(&obj.UID)
	l.own.version(&obj.ResourceVersion)
	number(&l.own, &obj.Generation)
	l.own.time(&obj.CreationTimestamp)
	l.own.since = obj.CreationTimestamp.Unix()
	l.own.optionalTime(&obj.DeletionTimestamp)

	l.provider(&obj.Spec.ProviderRef)
	l.spec.text(&obj.Spec.AccountID)
	number(&l.spec, &obj.Spec.ActiveDeadlineSeconds)
	l.spec.optionalBool(&obj.Spec.Suspend)
	l.spec.optionalInt32(&obj.Spec.TTLSecondsAfterFinished)
	l.own.text(&obj.Spec.UserID)
	l.own.optionalTime(&obj.Spec.NotAfter)

	l.statusOf(&obj.Status)
}

func (l *layout) provider(ref *v1alpha1.ProviderReference) {
	l.spec.text(&ref.Name)
	l.spec.text(&ref.Kind)
}

func (l *layout) statusOf(s *v1alpha1.UserLogoutStatus) {
	number(&l.status, &s.ObservedGeneration)
	number(&l.status, &s.Attempts)
	number(&l.status, &s.UnconfirmedAttempts)
	l.own.optionalTime(&s.StartTime)
	l.own.optionalTime(&s.NextAttemptTime)
	l.own.optionalTime(&s.CompletionTime)
	if present(&l.status, &s.LastAttempt) {
		l.own.time(&s.LastAttempt.Time)
		number(&l.status, &s.LastAttempt.HTTPStatusCode)
		l.status.text(&s.LastAttempt.Code)
		l.status.text(&s.LastAttempt.Message)
		l.own.text(&s.LastAttempt.RequestID)
	}
	l.conditions(&s.Conditions)
}

func (l *layout) conditions(all *[]metav1.Condition) {
	n := len(*all)
	number(&l.status, &n)
	if l.status.reading {
		if n == 0 {
			*all = nil
			return
		}
		if n > cap(*all) {
			*all = make([]metav1.Condition, n)
		}
		*all = (*all)[:n]
	}
	for i := range *all {
		c := &(*all)[i]
		l.status.text(&c.Type)
		text(&l.status, &c.Status)
		l.status.text(&c.Reason)
		l.status.text(&c.Message)
		number(&l.status, &c.ObservedGeneration)
		l.own.time(&c.LastTransitionTime)
	}
}
