package keycloak

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

const secretManifest = `
apiVersion: v1
kind: Secret
metadata: {name: %s, namespace: ` + operatortest.Namespace + `}
stringData: {clientID: %q, clientSecret: %q}
`

const providerManifest = `
apiVersion: logout-operator.io/v1alpha1
kind: ClusterLogoutProvider
metadata: {name: %[1]s}
spec:
  type: Keycloak
  keycloak:
    endpoint: %[2]q
    tokenRealm: %[3]q
    userLookup: %[4]s
    credentials: {secretRef: {name: %[1]s}}
  accountIDs: [%[5]q]
  allowedNamespaces: {from: All}
`

const logoutManifest = `
apiVersion: logout-operator.io/v1alpha1
kind: UserLogout
metadata: {name: %s, namespace: default}
spec:
  providerRef: {name: %s}
  accountID: %q
  userID: %q
`

// provider is how the operator reaches a realm. Its Secret has its name.
type provider struct {
	t                    *testing.T
	name                 string
	endpoint, tokenRealm string
	lookup               v1alpha1.UserLookup
	clientID, secret     string
	account              string
}

// provider returns the right settings for a realm. Change them, and apply them. The name ends with the suffix.
func (r *realm) provider(suffix string, lookup v1alpha1.UserLookup) *provider {
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' {
			return c
		}
		return 'x'
	}, strings.ToLower(r.name)+"-"+suffix)
	return &provider{t: r.t, name: name, endpoint: keycloak.url, tokenRealm: r.name, lookup: lookup,
		clientID: operatorID, secret: clientSecret, account: r.name}
}

// apply applies the provider and its Secret.
func (p *provider) apply() *provider {
	p.t.Helper()
	p.applySecret()
	apply(p.t, fmt.Sprintf(providerManifest, p.name, p.endpoint, p.tokenRealm, p.lookup, p.account))
	return p
}

func (p *provider) applySecret() {
	p.t.Helper()
	apply(p.t, fmt.Sprintf(secretManifest, p.name, p.clientID, p.secret))
}

var logouts atomic.Int64 // so far

// logout applies a UserLogout and returns its name.
func (p *provider) logout(userID string) (name string) {
	p.t.Helper()
	name = fmt.Sprintf("%s-%d", p.name, logouts.Add(1))
	apply(p.t, fmt.Sprintf(logoutManifest, name, p.name, p.account, userID))
	return name
}

func apply(t *testing.T, manifest string) {
	t.Helper()
	if err := cluster.Apply(t.Context(), []byte(manifest)); err != nil {
		t.Fatal(err)
	}
}

// ends waits until a UserLogout has finished, and fails the test unless it did so for this reason.
func ends(t *testing.T, name, reason string) *v1alpha1.UserLogout {
	t.Helper()
	obj := awaitLogout(t, name, "finished", finished)
	if got := ready(obj); got.Reason != reason {
		t.Errorf("%s: %s: %s, want %s", name, got.Reason, got.Message, reason)
	}
	return obj
}

// fails waits for an attempt of a UserLogout that ends with this reason and for which the object does not finish. It
// returns what the last attempt says.
func fails(t *testing.T, name, reason string) string {
	t.Helper()
	obj := awaitLogout(t, name, reason, func(o *v1alpha1.UserLogout) bool {
		return ready(o).Reason == reason && o.Status.LastAttempt != nil || finished(o)
	})
	if finished(obj) {
		t.Fatalf("%s: finished: %+v", name, ready(obj))
	}
	return obj.Status.LastAttempt.Message
}

func awaitLogout(t *testing.T, name, what string, wanted func(*v1alpha1.UserLogout) bool) *v1alpha1.UserLogout {
	t.Helper()
	obj := &v1alpha1.UserLogout{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	obj = await.Object(t, cluster.Admin, obj, what, wanted)
	t.Logf("%s: %+v %+v", name, ready(obj), obj.Status.LastAttempt)
	return obj
}

func ready(o *v1alpha1.UserLogout) metav1.Condition {
	if c := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return *c
	}
	return metav1.Condition{}
}

func finished(o *v1alpha1.UserLogout) bool {
	return meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionFinished)
}
