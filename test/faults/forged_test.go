package faults

import (
	"context"
	"fmt"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// tenants are two ServiceAccounts: one has the permissions of Kubernetes' role edit, the other has all permissions for
// the operator's kinds in its namespace.
const tenants = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: editor, namespace: tenant}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: owner, namespace: tenant}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: editor, namespace: tenant}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit-here}
subjects: [{kind: ServiceAccount, name: editor, namespace: tenant}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: owner, namespace: tenant}
rules: [{apiGroups: [logout-operator.io], resources: ["*"], verbs: ["*"]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: owner, namespace: tenant}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: owner}
subjects: [{kind: ServiceAccount, name: owner, namespace: tenant}]
`

// forgedStatus contains statements about an object that only the operator can make.
const forgedStatus = `{"status": {"attempts": 1, "observedGeneration": 1, "startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:00:00Z",
	"lastAttempt": {"time": "2026-01-01T00:00:00Z", "httpStatusCode": 204},
	"conditions": [{"type": "Finished", "status": "True", "reason": "Succeeded", "message": "forged", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}`

// edits of an object, by merge patches, and whether they are allowed. Some are allowed, so that the table can fail.
var edits = []struct {
	sub, patch string
	allowed    bool
}{
	{"", `{"metadata": {"labels": {"team": "a"}}}`, true},
	{"", `{"spec": {"ttlSecondsAfterFinished": 86400}}`, true},
	{"", forgedStatus, true}, // allowed, but the API server ignores it
	{"", `{"spec": {"accountID": "another"}}`, false},
	{"", `{"spec": {"userID": "another"}}`, false},
	{"", `{"spec": {"userID": null}}`, false},
	{"", `{"spec": {"providerRef": {"name": "another"}}}`, false},
	{"", `{"spec": {"providerRef": null}}`, false},
	{"", `{"spec": {"notAfter": "2030-01-01T00:00:00Z"}}`, false},
	{"", `{"spec": {"activeDeadlineSeconds": 86400}}`, false},
	{"", `{"metadata": {"uid": "another"}}`, false},
	{"status", forgedStatus, false},
	{"status", `{"status": null}`, false},
	{"status", `{"status": {"attempts": 0}}`, false},
	{"status", `{"status": {"completionTime": null, "conditions": []}}`, false},
	{"status", `{"status": {"nextAttemptTime": "2099-01-01T00:00:00Z"}}`, false},
	{"status", `{"status": {"nextAttemptTime": null}}`, false},
	{"status", `{"status": {"startTime": "2099-01-01T00:00:00Z"}}`, false},
	{"scale", `{"spec": {"replicas": 1}}`, false},
}

// intrusions are edits of objects that do not belong to the tenant, by their resource and name.
var intrusions = []struct{ version, kind, namespace, name, patch string }{
	{"logout-operator.io/v1alpha1", "ClusterLogoutProvider", "", "default", `{"spec": {"accountIDs": ["*"]}}`},
	{"v1", "Secret", operatortest.Namespace, "credentials", `{"stringData": {"AWS_ACCESS_KEY_ID": "AKIDANOTHER"}}`},
	{"v1", "Namespace", "", tenant, `{"metadata": {"labels": {"logout-operator.io/allowed": "true"}}}`},
	{"admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "", "logout-operator-status",
		`{"spec": {"validationActions": ["Audit"]}}`},
	{"admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "", "logout-operator-status",
		`{"spec": {"failurePolicy": "Ignore"}}`},
	{"admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "", "logout-operator-endpoints",
		`{"spec": {"validationActions": ["Audit"]}}`},
	{"apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "userlogouts.logout-operator.io",
		`{"metadata": {"labels": {"a": "b"}}}`},
	{"rbac.authorization.k8s.io/v1", "ClusterRole", "", "logout-operator", `{"metadata": {"labels": {"a": "b"}}}`},
}

// TestForged: the API server refuses every tenant that tries to change the immutable part of a spec or a status, and
// the objects finish as if nobody had tried.
func TestForged(t *testing.T) {
	aggregateEdit(t)
	common().apply(t, tenants)
	start(t, common(), binary)
	done, e := newNamedEndpoint(t, common(), "done"), newEndpoint(t, common())
	done.sign(t, validKeys[0])
	finished, waiting := done.create(t, 1)[0], e.create(t, 1)[0]
	done.verify(t, finished)
	e.awaitStatus(t, waiting, "what it waits for", func(s v1alpha1.UserLogoutStatus) bool {
		return readyOf(s).Reason == v1alpha1.ReasonProviderNotReady
	})

	tried, passed := 0, 0
	expect := func(who, what string, allowed bool, err error) {
		t.Helper()
		if allowed {
			if err != nil {
				t.Errorf("%s: %s: %v", who, what, err)
			}
			return
		}
		if tried++; !refusal(err) {
			passed++
			t.Errorf("%s: %s: not refused: %v", who, what, err)
		}
	}
	for _, who := range []string{"editor", "owner"} {
		c := as(t, who)
		for _, obj := range []*v1alpha1.UserLogout{finished, waiting} {
			before := live(t, obj).Status
			for _, edit := range edits {
				target, patch := &v1alpha1.UserLogout{ObjectMeta: *obj.ObjectMeta.DeepCopy()},
					client.RawPatch(types.MergePatchType, []byte(edit.patch))
				var err error
				if edit.sub == "" {
					err = c.Patch(t.Context(), target, patch)
				} else {
					err = c.SubResource(edit.sub).Patch(t.Context(), target, patch)
				}
				expect(who, obj.Name+" "+edit.sub+" "+edit.patch, edit.allowed, err)
			}
			expect(who, "reset by update", false, retry.RetryOnConflict(retry.DefaultRetry, func() error {
				forged := live(t, obj)
				forged.Status = v1alpha1.UserLogoutStatus{}
				return c.Status().Update(t.Context(), forged)
			}))
			if after := live(t, obj).Status; after.Attempts != before.Attempts ||
				!equality.Semantic.DeepEqual(after.CompletionTime, before.CompletionTime) ||
				readyOf(after).Reason != readyOf(before).Reason {
				t.Errorf("%s: the status of %s was %+v and is %+v", who, obj.Name, before, after)
			}
		}
		for _, i := range intrusions {
			target := &unstructured.Unstructured{}
			target.SetGroupVersionKind(schema.FromAPIVersionAndKind(i.version, i.kind))
			target.SetNamespace(i.namespace)
			target.SetName(i.name)
			expect(who, i.kind+" "+i.patch, false,
				c.Patch(t.Context(), target, client.RawPatch(types.MergePatchType, []byte(i.patch))))
			expect(who, "delete "+i.kind, false, c.Delete(t.Context(), target, client.DryRunAll))
		}
	}
	figures.AtMost(t, fmt.Sprintf("not refused, of %d", tried), passed, 0, true)

	born := e.next()
	born.Status = live(t, finished).Status
	e.created(t, born)
	e.sign(t, validKeys[0])
	figures.AtMost(t, "repeats", e.verifyEdited(t, waiting, born)+done.verifyEdited(t, finished), 0, true)
}

// verifyEdited is verify for objects some of which have been edited, as their generation shows.
func (e *endpoint) verifyEdited(t *testing.T, objects ...*v1alpha1.UserLogout) (repeats int) {
	t.Helper()
	for _, obj := range objects {
		generation := live(t, obj).Generation
		status := e.awaitStatus(t, obj, "its end", func(s v1alpha1.UserLogoutStatus) bool {
			return s.CompletionTime != nil && s.ObservedGeneration == generation
		})
		status.ObservedGeneration = 1
		for i := range status.Conditions {
			status.Conditions[i].ObservedGeneration = 1
		}
		expectFaultFree(t, obj.Name, status)
		repeats += e.Calls(account, obj.Spec.UserID) - 1
	}
	return repeats
}

// refusal reports whether the API server has refused a request, for any reason.
func refusal(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsConflict(err) ||
		apierrors.IsNotFound(err)
}

func live(t *testing.T, obj *v1alpha1.UserLogout) *v1alpha1.UserLogout {
	t.Helper()
	now := &v1alpha1.UserLogout{}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(obj), now); err != nil {
		t.Fatal(err)
	}
	return now
}

// as returns a client with the permissions of a tenant's ServiceAccount.
func as(t *testing.T, name string) client.Client {
	t.Helper()
	config, err := plane.ServiceAccountConfig(t.Context(), tenant, name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(config, client.Options{Scheme: admin.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// aggregateEdit does the work of Kubernetes' controllers, which do not run here: it builds the role edit from the roles
// with its aggregation label.
func aggregateEdit(t *testing.T) {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := rbacv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(plane.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	edit := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "edit-here"}}
	for _, to := range []string{"edit", "view"} {
		var roles rbacv1.ClusterRoleList
		if err := c.List(t.Context(), &roles,
			client.MatchingLabels{"rbac.authorization.k8s.io/aggregate-to-" + to: "true"}); err != nil {
			t.Fatal(err)
		}
		for _, role := range roles.Items {
			edit.Rules = append(edit.Rules, role.Rules...)
		}
	}
	if err := c.Create(t.Context(), edit); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Delete(context.Background(), edit); err != nil {
			t.Error(err)
		}
	})
}
