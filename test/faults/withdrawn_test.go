package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// household is a namespace with its own provider and Secret.
type household struct{ name string }

func newHousehold(t *testing.T, selector string) household {
	t.Helper()
	h := household{nameFor(t, 0)}
	manifest := operatortest.Manifests(
		operatortest.Tenant(h.name, true),
		operatortest.Secret(h.name, aws.Credentials{AccessKeyID: "AKIDFAULTS", SecretAccessKey: "secret"}),
		h.provider(selector))
	if err := plane.Apply(t.Context(), manifest); err != nil {
		t.Fatal(err)
	}
	return h
}

// allowed selects the household's namespace by its label.
const allowed = `matchLabels: {logout-operator.io/allowed: "true"}`

func (h household) provider(selector string) string {
	p := operatortest.DefaultProvider(service.URL, 1000, 1000)
	p = strings.Replace(p, "{name: default}", "{name: "+h.name+"}", 1)
	p = strings.Replace(p, "{name: credentials}", "{name: "+h.name+"}", 1)
	return strings.Replace(p, allowed, selector, 1)
}

func (h household) create(t *testing.T, name string) *v1alpha1.UserLogout {
	t.Helper()
	obj := newUserLogout(h.name + "-" + name)
	obj.Namespace, obj.Spec.ProviderRef.Name = h.name, h.name
	service.SignIn(account, obj.Name, "laptop")
	if err := admin.Create(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
	return obj
}

func remove(t *testing.T, obj client.Object) {
	t.Helper()
	if err := admin.Delete(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
}

func change(t *testing.T, obj client.Object, patch string) {
	t.Helper()
	if err := admin.Patch(t.Context(), obj,
		client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

// awaitReady waits until the object's Ready condition has this reason.
func awaitReady(t *testing.T, obj *v1alpha1.UserLogout, reason string) {
	t.Helper()
	cluster{plane, admin, nil}.awaitSeenWithin(t, await.Patience, &v1alpha1.UserLogoutList{}, obj, reason,
		func(seen client.Object) bool {
			ready := meta.FindStatusCondition(seen.(*v1alpha1.UserLogout).Status.Conditions, v1alpha1.ConditionReady)
			return ready != nil && ready.Reason == reason
		})
}

// awaitSeen creates objects until the Ready condition of one has this reason. The operator watches each kind by itself,
// so it may see an object before the change that came first, and log its user out.
func (h household) awaitSeen(t *testing.T, reason string) {
	t.Helper()
	for n, seen, end := 0, "", time.Now().Add(await.Patience); seen != reason; n++ {
		if time.Now().After(end) {
			t.Fatalf("%d objects were logged out after the change", n)
		}
		cluster{plane, admin, nil}.awaitSeenWithin(t, await.Patience, &v1alpha1.UserLogoutList{},
			h.create(t, fmt.Sprint("other-", n)), reason, func(obj client.Object) bool {
				ready := meta.FindStatusCondition(obj.(*v1alpha1.UserLogout).Status.Conditions, v1alpha1.ConditionReady)
				if ready != nil {
					seen = ready.Reason
				}
				return seen == reason || seen == v1alpha1.ReasonLoggedOut
			})
	}
}

// TestWithdrawn: if a call is forbidden between its claim and the call, the operator does not make it. The claim is
// stored, but its answer is held back until the operator has seen the change, as another object shows.
func TestWithdrawn(t *testing.T) {
	p := apiproxy.New(t, plane.Config)
	startOperator(t, p, "--call-timeout=30s", "--visibility-timeout=60s") // so that no timeout ends a test
	namespace := func(h household) *corev1.Namespace {
		return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: h.name}}
	}
	secret := func(h household) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatortest.Namespace, Name: h.name}}
	}
	provider := func(h household) *v1alpha1.ClusterLogoutProvider {
		return &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: h.name}}
	}
	const keep = `{"metadata": {"finalizers": ["example.com/keep"]}}`
	for _, tc := range []struct {
		name     string
		withdraw func(*testing.T, household, *v1alpha1.UserLogout)
		other    string // reason of an object that is created when the change has been seen
		reason   string // reason of the object; empty: it is gone
	}{
		{"provider deleted", func(t *testing.T, h household, _ *v1alpha1.UserLogout) { remove(t, provider(h)) },
			v1alpha1.ReasonProviderNotFound, v1alpha1.ReasonProviderNotFound},
		{"provider deleted, but kept", func(t *testing.T, h household, _ *v1alpha1.UserLogout) {
			change(t, provider(h), keep)
			remove(t, provider(h))
		}, v1alpha1.ReasonProviderNotReady, v1alpha1.ReasonProviderNotReady},
		{"provider allows another account", func(t *testing.T, h household, _ *v1alpha1.UserLogout) {
			change(t, provider(h), `{"spec": {"accountIDs": ["another"]}}`)
		}, v1alpha1.ReasonNotAllowed, v1alpha1.ReasonNotAllowed},
		{"Secret deleted", func(t *testing.T, h household, _ *v1alpha1.UserLogout) { remove(t, secret(h)) },
			v1alpha1.ReasonProviderNotReady, v1alpha1.ReasonProviderNotReady},
		{"Secret deleted, but kept", func(t *testing.T, h household, _ *v1alpha1.UserLogout) {
			change(t, secret(h), keep)
			remove(t, secret(h))
		}, v1alpha1.ReasonProviderNotReady, v1alpha1.ReasonProviderNotReady},
		{"label removed", func(t *testing.T, h household, _ *v1alpha1.UserLogout) {
			change(t, namespace(h), `{"metadata": {"labels": {"logout-operator.io/allowed": null}}}`)
		}, v1alpha1.ReasonNotAllowed, v1alpha1.ReasonNotAllowed},
		{"object suspended", func(t *testing.T, _ household, obj *v1alpha1.UserLogout) {
			change(t, obj, `{"spec": {"suspend": true}}`)
		},
			v1alpha1.ReasonLoggedOut, v1alpha1.ReasonSuspended},
		{"object deleted", func(t *testing.T, _ household, obj *v1alpha1.UserLogout) { remove(t, obj) },
			v1alpha1.ReasonLoggedOut, ""},
		{"object deleted, but kept", func(t *testing.T, _ household, obj *v1alpha1.UserLogout) {
			change(t, obj, keep)
			remove(t, obj)
		}, v1alpha1.ReasonLoggedOut, v1alpha1.ReasonDeleted},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := newHousehold(t, allowed)
			// Before its first success a provider makes one call at a time: another object could not show anything.
			awaitReady(t, h.create(t, "first"), v1alpha1.ReasonLoggedOut)
			claim := apiproxy.NewGate(t)
			p.Meet(apiproxy.Claim, h.name+"-jane", claim.HoldAnswer)
			obj := h.create(t, "jane")
			claim.AwaitArrivals(t, 1)
			tc.withdraw(t, h, obj)
			h.awaitSeen(t, tc.other)
			claim.Open()
			if tc.reason != "" {
				awaitReady(t, obj, tc.reason)
			}
			p.AwaitWrites(t, apiproxy.Outcome, obj.Name, 1)
			verifyCalls(t, obj.Name, 0)
			for _, kept := range []client.Object{obj, provider(h), secret(h)} {
				_ = admin.Patch(t.Context(), kept,
					client.RawPatch("application/merge-patch+json", []byte(`{"metadata": {"finalizers": null}}`)))
			}
		})
	}
}

// TestUnseenNamespace: an operator that has not seen a namespace does not take it for a namespace without labels.
func TestUnseenNamespace(t *testing.T) {
	p := apiproxy.New(t, plane.Config)
	startOperator(t, p, "--call-timeout=30s", "--visibility-timeout=60s") // so that no timeout ends a test
	see := p.Blind(t, "/api/v1/namespaces")
	h := newHousehold(t, `matchExpressions: [{key: untrusted, operator: DoesNotExist}]`)
	trusted := h.create(t, "jane")
	awaitReady(t, trusted, v1alpha1.ReasonNotAllowed) // the status says so, because the wait lasts
	untrusted := household{h.name + "-untrusted"}
	if err := plane.Apply(t.Context(),
		[]byte(fmt.Sprintf("{apiVersion: v1, kind: Namespace, metadata: {name: %s, labels: {untrusted: ''}}}",
			untrusted.name))); err != nil {
		t.Fatal(err)
	}
	stranger := newUserLogout(untrusted.name)
	stranger.Namespace, stranger.Spec.ProviderRef.Name = untrusted.name, h.name
	if err := admin.Create(t.Context(), stranger); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, stranger, v1alpha1.ReasonNotAllowed)
	see()
	awaitReady(t, trusted, v1alpha1.ReasonLoggedOut)
	awaitReady(t, stranger, v1alpha1.ReasonNotAllowed)
	verifyCalls(t, stranger.Name, 0)
}
