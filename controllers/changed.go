package controllers

import (
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// These are predicates of watch events. An update can stand for several changes, or for another object: while a watch
// is down, an object can be deleted and created again under its name, and etcd can be restored from a copy. So neither
// a generation nor a resourceVersion shows whether anything has changed; only the UID and the contents do.

// specChanged passes a provider whose spec has changed, and one that is another object than before.
var specChanged = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, isProvider := e.ObjectOld.(*v1alpha1.ClusterLogoutProvider)
	after, isProviderNow := e.ObjectNew.(*v1alpha1.ClusterLogoutProvider)
	return !isProvider || !isProviderNow || before.UID != after.UID || before.Generation != after.Generation ||
		!equality.Semantic.DeepEqual(before.Spec, after.Spec)
}}

// labelsChanged passes an object whose labels have changed, and one that is another object than before.
var labelsChanged = predicate.Or(
	predicate.LabelChangedPredicate{},
	predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetUID() != e.ObjectNew.GetUID()
	}},
)
