package controllers

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// TestSpecChanged checks that an update is passed on if the provider is another object or has another spec, whatever
// its generation.
func TestSpecChanged(t *testing.T) {
	provider := func(
		uid types.UID, generation int64, edits ...func(*v1alpha1.ClusterLogoutProvider),
	) *v1alpha1.ClusterLogoutProvider {
		p := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: "default", UID: uid,
			Generation: generation},
			Spec: v1alpha1.ClusterLogoutProviderSpec{AccountIDs: []string{"a"}}}
		for _, edit := range edits {
			edit(p)
		}
		return p
	}
	for name, tt := range map[string]struct {
		now  *v1alpha1.ClusterLogoutProvider
		want bool
	}{
		"the same": {provider("1", 1), false},
		"another status": {provider("1", 1,
			func(p *v1alpha1.ClusterLogoutProvider) { p.Status.ObservedGeneration = 1 }), false},
		"other labels": {provider("1", 1,
			func(p *v1alpha1.ClusterLogoutProvider) { p.Labels = map[string]string{"a": "b"} }), false},
		"edited":                           {provider("1", 2), true},
		"created anew, with the same spec": {provider("2", 1), true},
		"restored and edited in another way": {provider("1", 1,
			func(p *v1alpha1.ClusterLogoutProvider) { p.Spec.AccountIDs = []string{"b"} }), true},
		"restored as it was before it changed": {provider("1", 0), true},
	} {
		if got := specChanged.Update(event.UpdateEvent{ObjectOld: provider("1", 1),
			ObjectNew: tt.now}); got != tt.want {
			t.Errorf("%s: passed on is %t, want %t", name, got, tt.want)
		}
	}
	if !specChanged.Create(event.CreateEvent{Object: provider("1", 1)}) ||
		!specChanged.Delete(event.DeleteEvent{Object: provider("1", 1)}) {
		t.Error("what is new or gone is not passed on")
	}
}

func TestLabelsChanged(t *testing.T) {
	namespace := func(uid types.UID, label string) client.Object {
		n := namespaceMetadata()
		n.UID, n.Labels = uid, map[string]string{"allowed": label}
		return n
	}
	for name, tt := range map[string]struct {
		now  client.Object
		want bool
	}{
		"the same":     {namespace("1", "true"), false},
		"relabelled":   {namespace("1", "false"), true},
		"created anew": {namespace("2", "true"), true},
	} {
		if got := labelsChanged.Update(
			event.UpdateEvent{ObjectOld: namespace("1", "true"), ObjectNew: tt.now},
		); got != tt.want {
			t.Errorf("%s: passed on is %t, want %t", name, got, tt.want)
		}
	}
}
