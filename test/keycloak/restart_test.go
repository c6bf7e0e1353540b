package keycloak

import (
	"testing"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// TestRestart: a logout that is asked for while Keycloak is down is carried out when it is back. This test runs before
// those that run in parallel.
func TestRestart(t *testing.T) {
	r := newRealm(t, "restart", nil)
	r.grant("manage-users")
	jane, john := r.newUser("jane", "jane@example.com"), r.newUser("john", "john@example.com")
	janes, offline, johns := r.signIn("jane", false), r.signIn("jane", true), r.signIn("john", false)
	p := r.provider("p", v1alpha1.UserLookupUsername).apply()
	ends(t, p.logout("nobody"), v1alpha1.ReasonNotFound) // the operator has a token and a connection

	if err := keycloak.stop(); err != nil {
		t.Fatal(err)
	}
	logout := p.logout("jane")
	fails(t, logout, v1alpha1.ReasonEndpointUnreachable)
	if err := keycloak.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.sessions(john) != 1 {
		t.Fatal("Keycloak keeps no session over a restart")
	}
	ends(t, logout, v1alpha1.ReasonLoggedOut)
	if r.refused(janes) == "" || r.refused(offline) == "" || r.sessions(jane) != 0 {
		t.Error("still signed in")
	}
	if why := r.refused(johns); why != "" {
		t.Errorf("another user's token is refused: %s", why)
	}
}
