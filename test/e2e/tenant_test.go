package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// tenants: an account bound to edit in its namespace can use UserLogouts, one bound to view can read them. Nobody can
// write a status, even if RBAC allows it, and neither account can see a provider or its Secret.
func (r *rig) tenants(t *testing.T) {
	held := userLogout("held")
	held.Spec.Suspend = ptr.To(true)
	if err := admin.Create(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	// A policy takes effect a moment after its installation.
	await.Eventually(t, "the policy to refuse the cluster's administrator", func(ctx context.Context) error {
		return want(forge(ctx, admin), apierrors.IsForbidden, "status is written by the logout-operator only")
	})

	editor, viewer := as(t, boundAccount(t, "editor", "edit")), as(t, boundAccount(t, "viewer", "view"))
	one := userLogout("by-editor")
	one.Spec.Suspend = ptr.To(true)
	await.Eventually(t, "edit to allow a UserLogout", func(ctx context.Context) error {
		return editor.Create(ctx, one.DeepCopy())
	})
	await.Eventually(t, "view to allow to list UserLogouts", func(ctx context.Context) error {
		return viewer.List(ctx, &v1alpha1.UserLogoutList{}, client.InNamespace(tenant))
	})

	refused := func(err error) error { return want(err, apierrors.IsForbidden, "cannot") }
	ctx := t.Context()
	provider, secret := &v1alpha1.ClusterLogoutProvider{}, &corev1.Secret{}
	ownSecret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatortest.Namespace, Name: secretName}}
	lift := client.RawPatch(types.MergePatchType, []byte(`{"spec": {"ttlSecondsAfterFinished": 60}}`))
	for what, problem := range map[string]error{
		"edit may read": editor.Get(ctx, client.ObjectKeyFromObject(one),
			&v1alpha1.UserLogout{}),
		"edit may patch":              editor.Patch(ctx, one.DeepCopy(), lift),
		"edit may not write a status": refused(forge(ctx, editor)),
		"edit may not read a provider": refused(
			editor.Get(ctx, client.ObjectKey{Name: providerName}, provider)),
		"edit may not list providers": refused(editor.List(ctx, &v1alpha1.ClusterLogoutProviderList{})),
		"edit may not make a provider": refused(
			editor.Create(ctx, &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: "mine"}})),
		"edit may not read the Secret": refused(editor.Get(ctx, client.ObjectKeyFromObject(ownSecret), secret)),
		"edit may not act in other namespaces": refused(
			editor.List(ctx, &v1alpha1.UserLogoutList{}, client.InNamespace("default"))),
		"edit may not read the lease":  refused(editor.Get(ctx, lease, &corev1.ConfigMap{})),
		"view may read":                viewer.Get(ctx, client.ObjectKeyFromObject(one), &v1alpha1.UserLogout{}),
		"view may not create":          refused(viewer.Create(ctx, userLogout("by-viewer"))),
		"view may not patch":           refused(viewer.Patch(ctx, one.DeepCopy(), lift)),
		"view may not delete":          refused(viewer.Delete(ctx, one.DeepCopy())),
		"view may not write a status":  refused(forge(ctx, viewer)),
		"view may not read a provider": refused(viewer.Get(ctx, client.ObjectKey{Name: providerName}, provider)),
		"view may not read the Secret": refused(viewer.Get(ctx, client.ObjectKeyFromObject(ownSecret), secret)),
	} {
		if problem != nil {
			t.Errorf("%s: %v", what, problem)
		}
	}
	if err := editor.Delete(ctx, one.DeepCopy()); err != nil {
		t.Errorf("edit may delete: %v", err)
	}

	// This account has more rights than it should have.
	bind(t, "forger", rbacv1.PolicyRule{
		APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"userlogouts/status"},
		Verbs: []string{"get", "patch", "update"},
	}, "editor")
	await.Eventually(t, "the policy to refuse a status that RBAC allows", func(ctx context.Context) error {
		return want(forge(ctx, editor), apierrors.IsForbidden, "status is written by the logout-operator only")
	})
	if err := admin.Get(ctx, client.ObjectKeyFromObject(held), held); err != nil || held.Status.CompletionTime != nil {
		t.Errorf("completed at %v, %v", held.Status.CompletionTime, err)
	}
}

// forge tries to write into a status that the user is logged out.
func forge(ctx context.Context, c client.Client) error {
	return c.Status().Patch(ctx, userLogout("held"),
		client.RawPatch(types.MergePatchType, []byte(`{"status": {"completionTime": "2026-01-01T00:00:00Z"}}`)))
}

// want returns nil if the error is of this kind and contains the text.
func want(err error, kind func(error) bool, text string) error {
	if kind(err) && says(err, text) {
		return nil
	}
	if err == nil {
		return errors.New("not refused")
	}
	return fmt.Errorf("want a refusal that says %q: %w", text, err)
}

func says(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }

// boundAccount creates a ServiceAccount of the tenant with a ClusterRole in the tenant's namespace, and returns its
// token.
func boundAccount(t *testing.T, name, role string) string {
	t.Helper()
	token := newAccount(t, name)
	if err := admin.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: tenant, Name: name}},
	}); err != nil {
		t.Fatal(err)
	}
	return token
}

// newAccount creates a ServiceAccount of the tenant, and returns its token.
func newAccount(t *testing.T, name string) string {
	t.Helper()
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: name}}
	request := &authenticationv1.TokenRequest{}
	if err := errors.Join(admin.Create(t.Context(), sa),
		admin.SubResource("token").Create(t.Context(), sa, request)); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

// bind gives an account of the tenant one more rule in its namespace.
func bind(t *testing.T, role string, rule rbacv1.PolicyRule, to string) {
	t.Helper()
	meta := metav1.ObjectMeta{Namespace: tenant, Name: role}
	if err := errors.Join(
		admin.Create(t.Context(), &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{rule}}),
		admin.Create(t.Context(), &rbacv1.RoleBinding{
			ObjectMeta: meta,
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: tenant, Name: to}},
		})); err != nil {
		t.Fatal(err)
	}
}

// as returns a client with a token and nothing else.
func as(t *testing.T, token string) client.Client {
	t.Helper()
	config := rest.AnonymousClientConfig(cluster)
	config.BearerToken, config.QPS = token, -1
	c, err := client.New(config, client.Options{Scheme: scheme, Mapper: admin.RESTMapper()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
