package controllers_test

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// TestMetadataIsLeftAlone checks that the operator, which writes statuses without knowing labels, annotations,
// finalizers, owners and field managers, changes none of them, and that whoever applied the object still owns what they
// applied.
func TestMetadataIsLeftAlone(t *testing.T) {
	tt := newTenant(t)
	obj := tt.newLogout()
	service.SignIn(account, obj.Spec.UserID, "laptop")
	applied := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{
			"namespace":   obj.Namespace,
			"name":        obj.Name,
			"labels":      map[string]any{"team": "red"},
			"annotations": map[string]any{"note": "why"},
			"finalizers":  []any{"example.com/held"},
			"ownerReferences": []any{map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner",
				"uid": "1"}},
		},
		"spec": map[string]any{
			"accountID":   account,
			"userID":      obj.Spec.UserID,
			"providerRef": map[string]any{"name": tt.provider},
		},
	}}
	applied.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("UserLogout"))
	apply := client.ApplyConfigurationFromUnstructured(applied.DeepCopy())
	if err := cluster.Apply(t.Context(), apply, client.FieldOwner("gitops")); err != nil {
		t.Fatal(err)
	}
	if err := cluster.Get(t.Context(), client.ObjectKeyFromObject(obj), obj); err != nil {
		t.Fatal(err)
	}
	got := awaitReason(tt, obj, v1alpha1.ReasonLoggedOut) // after a claim and an outcome
	if !equality.Semantic.DeepEqual(got.Labels, applied.GetLabels()) ||
		!equality.Semantic.DeepEqual(got.Annotations, applied.GetAnnotations()) ||
		!slices.Equal(got.Finalizers, applied.GetFinalizers()) ||
		!equality.Semantic.DeepEqual(got.OwnerReferences, applied.GetOwnerReferences()) {
		t.Errorf("got %+v", got.ObjectMeta)
	}
	byGitOps := func(o *v1alpha1.UserLogout) metav1.ManagedFieldsEntry {
		i := slices.IndexFunc(o.ManagedFields, func(e metav1.ManagedFieldsEntry) bool { return e.Manager == "gitops" })
		if i < 0 {
			t.Fatalf("no field is managed by who applied it: %+v", o.ManagedFields)
		}
		return o.ManagedFields[i]
	}
	if is, was := byGitOps(got), byGitOps(obj); !equality.Semantic.DeepEqual(is, was) {
		t.Errorf("what is managed by who applied it was %s, is %s", was.FieldsV1, is.FieldsV1)
	}
	wantCalls(tt, got, 1)
}
