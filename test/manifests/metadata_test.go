package manifests

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// bulk fills one field of the metadata each. The field may have at most n.
var bulk = []struct {
	field string
	most  int
	fill  func(m *metav1.ObjectMeta, n int)
}{
	{"metadata.labels", 64, func(m *metav1.ObjectMeta, n int) {
		for i := range n {
			metav1.SetMetaDataLabel(m, fmt.Sprintf("example.com/l%d", i), strings.Repeat("v", 63))
		}
	}},
	{"metadata.annotations", 32768, func(m *metav1.ObjectMeta, n int) {
		m.Annotations = map[string]string{"note": strings.Repeat("ä", (n-len("note"))/2)} // in bytes
	}},
	{"metadata.finalizers", 16, func(m *metav1.ObjectMeta, n int) {
		for i := range n {
			m.Finalizers = append(m.Finalizers, fmt.Sprintf("example.com/f%d", i))
		}
	}},
	{"metadata.ownerReferences", 16384, func(m *metav1.ObjectMeta, n int) {
		m.OwnerReferences = []metav1.OwnerReference{
			{APIVersion: "v1", Kind: "ConfigMap", UID: "1", Name: strings.Repeat("o", n-len("v1ConfigMap1"))},
		}
	}},
}

// TestMetadataIsBounded: the API server rejects more metadata than the policy allows, and names the field and its
// bound.
func TestMetadataIsBounded(t *testing.T) {
	namespace := metadataNamespace(t)
	for _, tt := range bulk {
		at, above := newBulky(namespace, tt.most, tt.fill), newBulky(namespace, tt.most+2, tt.fill)
		awaitRefusal(t, above, tt.field)
		if err := admin.Create(t.Context(), at, client.DryRunAll); err != nil {
			t.Errorf("%s of %d: %v", tt.field, tt.most, err)
		}
		wantRefusal(t, admin.Create(t.Context(), above, client.DryRunAll), tt.field, fmt.Sprint(tt.most))
		small := newBulky(namespace, tt.most, tt.fill)
		small.Name = strings.ToLower(strings.TrimPrefix(tt.field, "metadata."))
		if err := admin.Create(t.Context(), small); err != nil {
			t.Fatal(err)
		}
		grown := small.DeepCopy()
		tt.fill(&grown.ObjectMeta, tt.most+2)
		wantRefusal(t, admin.Update(t.Context(), grown, client.DryRunAll), tt.field, fmt.Sprint(tt.most))
	}
	t.Run("managers that apply", func(t *testing.T) {
		obj := &unstructured.Unstructured{
			Object: map[string]any{"spec": map[string]any{"accountID": "a", "userID": "u"}}}
		obj.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("UserLogout"))
		obj.SetNamespace(namespace)
		obj.SetName("applied")
		for i := range 17 {
			obj.SetLabels(map[string]string{"a": "b"})
			apply := client.ApplyConfigurationFromUnstructured(obj.DeepCopy())
			err := admin.Apply(t.Context(), apply, client.FieldOwner(fmt.Sprintf("manager-%d", i)))
			if i == 16 {
				wantRefusal(t, err, "metadata.managedFields", "16")
			} else if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestLargeMetadataCanShrink: an object that was large before there was a policy can be changed while none of its
// fields grows, its status can be written, and it can be deleted and its finalizers removed.
func TestLargeMetadataCanShrink(t *testing.T) {
	namespace := metadataNamespace(t)
	bind := unbind(t, "logout-operator-metadata")
	obj := newBulky(namespace, 0, nil)
	obj.Name = "large"
	for _, tt := range bulk {
		tt.fill(&obj.ObjectMeta, 4*tt.most)
	}
	create := func(ctx context.Context) (bool, error) { // once the API server has seen that the binding is gone
		err := admin.Create(ctx, obj.DeepCopy())
		return err == nil, client.IgnoreNotFound(ignoreInvalid(err))
	}
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, create); err != nil {
		t.Fatal(err)
	}
	bind()
	awaitRefusal(t, newBulky(namespace, bulk[0].most+1, bulk[0].fill), bulk[0].field)
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(obj), obj); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		what string
		do   func()
	}{
		{"an edit of the spec", func() { obj.Spec.Suspend = new(bool) }},
		{"a label less", func() { delete(obj.Labels, "example.com/l0") }},
		{"a finalizer less", func() { obj.Finalizers = obj.Finalizers[1:] }},
	} {
		step.do()
		if err := admin.Update(t.Context(), obj); err != nil {
			t.Errorf("%s is refused: %v", step.what, err)
		}
	}
	access := rest.CopyConfig(plane.Config)
	access.Impersonate = rest.ImpersonationConfig{UserName: operatortest.User, Groups: []string{"system:masters"}}
	asOperator, err := client.New(access, client.Options{Scheme: admin.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	obj.Status.Attempts = 1
	if err := asOperator.Status().Update(t.Context(), obj); err != nil {
		t.Errorf("a write of the status is refused: %v", err)
	}
	if err := admin.Delete(t.Context(), obj); err != nil {
		t.Errorf("its deletion is refused: %v", err)
	}
	letGo := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
	if err := admin.Patch(t.Context(), obj, letGo); err != nil {
		t.Errorf("the removal of its finalizers is refused: %v", err)
	}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(obj), obj); !apierrors.IsNotFound(err) {
		t.Errorf("got %v, want it gone", err)
	}
}

// metadataNamespace creates a namespace for objects that no provider allows.
func metadataNamespace(t *testing.T) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "metadata-"}}
	if err := admin.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	return namespace.Name
}

// unbind disables a policy until bind is called, or the test is over.
func unbind(t *testing.T, name string) (bind func()) {
	t.Helper()
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{}
	if err := admin.Get(t.Context(), client.ObjectKey{Name: name}, binding); err != nil {
		t.Fatal(err)
	}
	if err := admin.Delete(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
	bind = sync.OnceFunc(func() {
		again := &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: binding.Spec}
		if err := admin.Create(context.Background(), again); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(bind)
	return bind
}

func newBulky(namespace string, n int, fill func(*metav1.ObjectMeta, int)) *v1alpha1.UserLogout {
	obj := &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "bulky"},
		Spec: v1alpha1.UserLogoutSpec{
			AccountID:   account,
			UserID:      "user",
			ProviderRef: v1alpha1.ProviderReference{Name: "none"},
		},
	}
	if fill != nil {
		fill(&obj.ObjectMeta, n)
	}
	return obj
}

// awaitRefusal waits for the policy, which takes effect a moment after it is stored.
func awaitRefusal(t *testing.T, obj *v1alpha1.UserLogout, field string) {
	t.Helper()
	refused := func(ctx context.Context) (bool, error) {
		err := admin.Create(ctx, obj.DeepCopy(), client.DryRunAll)
		return err != nil && strings.Contains(err.Error(), field), nil
	}
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, refused); err != nil {
		t.Fatalf("%s: %v", field, err)
	}
}

// wantRefusal checks that an error names the field and the bound, and says what to do.
func wantRefusal(t *testing.T, err error, field, bound string) {
	t.Helper()
	if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), field) ||
		!strings.Contains(err.Error(), "may have "+bound+": ") {
		t.Errorf("%s: got %v, want it refused with the field, the bound %s and what to do", field, err, bound)
	}
}

func ignoreInvalid(err error) error {
	if apierrors.IsInvalid(err) {
		return nil
	}
	return err
}
