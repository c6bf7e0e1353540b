package keycloak

import (
	"net/http"
	"strings"
	"testing"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// TestRotatedSecret: after the client's secret was replaced at Keycloak, and its tokens revoked, the operator waits for
// the new secret, and then continues at once.
func TestRotatedSecret(t *testing.T) {
	t.Parallel()
	r := newRealm(t, "rotated", nil)
	r.grant("manage-users")
	jane := r.newUser("jane", "jane@example.com")
	p := r.provider("p", v1alpha1.UserLookupID).apply()
	ends(t, p.logout(jane), v1alpha1.ReasonLoggedOut)

	session := r.signIn("jane", false)
	var replaced struct{ Value string }
	r.admin(http.MethodPost, "/clients/"+r.operator+"/client-secret", nil, http.StatusOK, &replaced)
	r.revoke()
	logout := p.logout(jane)
	fails(t, logout, v1alpha1.ReasonUnauthorized)
	awaitLogout(t, logout, "refused with the old secret", func(o *v1alpha1.UserLogout) bool {
		return strings.HasPrefix(o.Status.LastAttempt.Message, "token endpoint: ") || finished(o)
	})
	if why := r.refused(session); why != "" {
		t.Errorf("logged out: %s", why)
	}

	p.secret = replaced.Value
	p.applySecret()
	ends(t, logout, v1alpha1.ReasonLoggedOut)
	if r.refused(session) == "" {
		t.Error("still signed in")
	}
}
