package controllers

import (
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// Predicates of watch events. An update can be more than one change, or another object: while a watch is down, an
// object can be deleted and created anew under its name, and etcd can be restored from a copy. So neither a
// generation nor a resourceVersion tells whether anything has changed; only the UID and the contents do.

// specChanged passes a provider whose spec has changed, or that is another than before.
var specChanged = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, isProvider := e.ObjectOld.(*v1alpha1.ClusterLogoutProvider)
	after, isProviderNow := e.ObjectNew.(*v1alpha1.ClusterLogoutProvider)
	return !isProvider || !isProviderNow || before.UID != after.UID || before.Generation != after.Generation ||
		!equality.Semantic.DeepEqual(before.Spec, after.Spec)
}}

// labelsChanged passes what has other labels, or is another object than before.
var labelsChanged = predicate.Or(
	predicate.LabelChangedPredicate{},
	predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetUID() != e.ObjectNew.GetUID()
	}},
)
