package kratos

import (
	"fmt"
	"net/http"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// The accountID is a name for the Kratos.
const providerManifest = `
apiVersion: logout-operator.io/v1alpha1
kind: ClusterLogoutProvider
metadata: {name: %s}
spec:
  type: OryKratos
  oryKratos: {endpoint: %q}
  accountIDs: [kratos.example]
  allowedNamespaces: {from: All}
`

const logoutManifest = `
apiVersion: logout-operator.io/v1alpha1
kind: UserLogout
metadata: {name: %[2]s, namespace: default}
spec:
  providerRef: {name: %[1]s}
  accountID: kratos.example
  userID: %[3]s
`

// TestLogout: all sessions of the identity end, and no others.
func TestLogout(t *testing.T) {
	k := start(t)
	const email, another = "jane@example.com", "john@example.com"
	jane, john := k.newIdentity(email), k.newIdentity(another)
	laptop, phone, johns := k.signIn(email), k.signIn(email), k.signIn(another)
	for token, want := range map[string]string{laptop: jane, phone: jane, johns: john} {
		if got := k.whoami(token); got != want {
			t.Fatalf("signed in as %q, want %q", got, want)
		}
	}
	startOperator(t)
	apply(t, fmt.Sprintf(providerManifest, "kratos", k.admin))

	ends(t, "kratos", "offboard-jane", jane, v1alpha1.ReasonLoggedOut, http.StatusNoContent)
	for device, token := range map[string]string{"laptop": laptop, "phone": phone} {
		if got := k.whoami(token); got != "" {
			t.Errorf("%s is still signed in as %s", device, got)
		}
	}
	if got := k.whoami(johns); got != john {
		t.Errorf("another user's session is that of %q now", got)
	}
	ends(t, "kratos", "offboard-jane-again", jane, v1alpha1.ReasonLoggedOut, http.StatusOK)
	if back := k.signIn(email); k.whoami(back) != jane {
		t.Error("cannot sign in any more")
	} else if ends(t, "kratos", "offboard-jane-at-last", jane, v1alpha1.ReasonLoggedOut,
		http.StatusNoContent); k.whoami(back) != "" {
		t.Error("still signed in after the third logout")
	}

	if status, body := k.call(http.MethodDelete, k.admin+"/admin/identities/"+john, "",
		nil); status != http.StatusNoContent {
		t.Fatalf("deleting John: %d %v", status, body)
	}
	ends(t, "kratos", "offboard-john", john, v1alpha1.ReasonNotFound, http.StatusNotFound)
	ends(t, "kratos", "unknown", "9f425a8d-7efc-4768-8f23-7647a74fdf13", v1alpha1.ReasonNotFound, http.StatusNotFound)
	ends(t, "kratos", "by-email", email, v1alpha1.ReasonBadRequest, http.StatusBadRequest)
}

// TestWrongAddress: the operator detects an endpoint that is not the admin API, and finishes no logout because of it.
func TestWrongAddress(t *testing.T) {
	k := start(t)
	jane := k.newIdentity("jane@example.com")
	startOperator(t)
	for name, wrong := range map[string]struct {
		endpoint string
		status   int32
	}{
		"public":    {k.public, http.StatusForbidden},
		"base-path": {k.admin + "/base", http.StatusTemporaryRedirect},
	} {
		apply(t, fmt.Sprintf(providerManifest, name, wrong.endpoint))
		obj := tried(t, name, name, jane, v1alpha1.ReasonUnexpectedResponse, wrong.status)
		if meta.IsStatusConditionTrue(obj.Status.Conditions, v1alpha1.ConditionFinished) {
			t.Errorf("%s: %+v", name, obj.Status)
		}
	}
}

// ends applies a UserLogout and waits until it has finished.
func ends(t *testing.T, provider, name, userID, reason string, status int32) {
	t.Helper()
	if obj := tried(t, provider, name, userID, reason, status); !meta.IsStatusConditionTrue(obj.Status.Conditions,
		v1alpha1.ConditionFinished) || obj.Status.Attempts != 1 {
		t.Errorf("%s: %+v", name, obj.Status)
	}
}

// tried applies a UserLogout and waits for a reason that an answer with this status caused.
func tried(t *testing.T, provider, name, userID, reason string, status int32) *v1alpha1.UserLogout {
	t.Helper()
	apply(t, fmt.Sprintf(logoutManifest, provider, name, userID))
	obj := &v1alpha1.UserLogout{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	obj = await.Object(t, cluster.Admin, obj, reason, func(o *v1alpha1.UserLogout) bool {
		ready := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady)
		return ready != nil && ready.Reason == reason
	})
	if obj.Status.LastAttempt == nil || obj.Status.LastAttempt.HTTPStatusCode != status {
		t.Errorf("%s: %+v, want HTTP %d", name, obj.Status.LastAttempt, status)
	}
	return obj
}

func apply(t *testing.T, manifest string) {
	t.Helper()
	if err := plane.Apply(t.Context(), []byte(manifest)); err != nil {
		t.Fatal(err)
	}
}

// startOperator starts an operator that ends with the test.
func startOperator(t *testing.T) {
	t.Helper()
	suite.Start(t, operatortest.Options{Binary: cluster.Binary, Access: cluster.Access})
}
