package keycloak

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// TestSessions: all sessions of the user end, and no others; a logout of somebody who has none is a success.
func TestSessions(t *testing.T) {
	t.Parallel()
	r := newRealm(t, "sessions", nil)
	r.grant("manage-users")
	jane, john := r.newUser("jane", "jane@example.com"), r.newUser("john", "john@example.com")
	laptop, phone, johns := r.signIn("jane", false), r.signIn("jane", false), r.signIn("john", false)
	if r.sessions(jane) != 2 || r.sessions(john) != 1 || !r.accepted(laptop) || r.refused(phone) != "" {
		t.Fatal("not signed in")
	}
	p := r.provider("by-id", v1alpha1.UserLookupID).apply()

	ends(t, p.logout(jane), v1alpha1.ReasonLoggedOut)
	for device, got := range map[string]tokens{"laptop": laptop, "phone": phone} {
		if why := r.refused(got); why != "Session not active" {
			t.Errorf("%s: refresh token is refused with %q", device, why)
		}
		if r.accepted(got) {
			t.Errorf("%s: Keycloak accepts the access token", device)
		}
	}
	if n := r.sessions(jane); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	if n, why := r.sessions(john), r.refused(johns); n != 1 || why != "" || !r.accepted(johns) {
		t.Errorf("another user has %d sessions, and the token is refused with %q", n, why)
	}
	if again := ends(t, p.logout(jane), v1alpha1.ReasonLoggedOut); again.Status.Attempts != 1 {
		t.Errorf("the second logout took %d attempts", again.Status.Attempts)
	}
	back := r.signIn("jane", false)
	if ends(t, p.logout(jane), v1alpha1.ReasonLoggedOut); r.refused(back) == "" {
		t.Error("signed in after the third logout")
	}
}

// TestOfflineSession: the tokens of an offline session are refused after a logout, though Keycloak still lists the
// session, as docs/providers.md says.
func TestOfflineSession(t *testing.T) {
	t.Parallel()
	r := newRealm(t, "offline", nil)
	r.grant("manage-users")
	jane := r.newUser("jane", "jane@example.com")
	app := r.signIn("jane", true)
	if why := r.refused(app); why != "" || r.offlineSessions(jane) != 1 {
		t.Fatalf("no offline session: %s", why)
	}
	p := r.provider("by-id", v1alpha1.UserLookupID).apply()
	r.nextSecond()

	ends(t, p.logout(jane), v1alpha1.ReasonLoggedOut)
	if why := r.refused(app); why != "Stale token" {
		t.Errorf("refresh token is refused with %q", why)
	}
	if r.accepted(app) {
		t.Error("Keycloak accepts the access token")
	}
	if n := r.offlineSessions(jane); n != 1 {
		t.Errorf("%d offline sessions are listed: docs/providers.md says that they stay", n)
	}
	if back := r.signIn("jane", true); r.refused(back) != "" {
		t.Error("the tokens of a later offline session are refused, too")
	}
}

// TestDisabledUser: the sessions of a user who was disabled first end, too, and stay so when the user is enabled again.
func TestDisabledUser(t *testing.T) {
	t.Parallel()
	r := newRealm(t, "disabled", nil)
	r.grant("manage-users")
	jane := r.newUser("jane", "jane@example.com")
	online, offline := r.signIn("jane", false), r.signIn("jane", true)
	r.admin(http.MethodPut, "/users/"+jane, map[string]any{"enabled": false}, http.StatusNoContent, nil)
	if why := r.refused(online); why != "User disabled" {
		t.Errorf("the token of a disabled user is refused with %q", why)
	}
	r.nextSecond()

	for _, p := range []*provider{r.provider("by-id", v1alpha1.UserLookupID), r.provider("by-name",
		v1alpha1.UserLookupUsername), r.provider("by-email", v1alpha1.UserLookupEmail)} {
		ends(t, p.apply().logout(map[v1alpha1.UserLookup]string{v1alpha1.UserLookupID: jane,
			v1alpha1.UserLookupUsername: "jane", v1alpha1.UserLookupEmail: "jane@example.com"}[p.lookup]),
			v1alpha1.ReasonLoggedOut)
	}
	r.admin(http.MethodPut, "/users/"+jane, map[string]any{"enabled": true}, http.StatusNoContent, nil)
	if n := r.sessions(jane); n != 0 || r.refused(online) == "" || r.refused(offline) == "" {
		t.Errorf("%d sessions are left, refused with %q and %q", n, r.refused(online), r.refused(offline))
	}
}

// TestBackchannel: Keycloak tells the clients of the sessions that end, but not those of offline sessions, as
// docs/providers.md says.
func TestBackchannel(t *testing.T) {
	t.Parallel()
	r := newRealm(t, "backchannel", nil)
	r.grant("manage-users")
	var told atomic.Int64
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		if req.FormValue("logout_token") != "" {
			told.Add(1)
		}
	}))
	t.Cleanup(app.Close)
	r.admin(http.MethodPut, "/clients/"+r.app,
		map[string]any{"attributes": map[string]any{"backchannel.logout.url": app.URL}}, http.StatusNoContent, nil)
	jane, john := r.newUser("jane", "jane@example.com"), r.newUser("john", "john@example.com")
	r.signIn("jane", false)
	johns := r.signIn("john", true)
	p := r.provider("p", v1alpha1.UserLookupID).apply()
	r.nextSecond()

	ends(t, p.logout(jane), v1alpha1.ReasonLoggedOut)
	if n := told.Load(); n != 1 {
		t.Errorf("the app of a session was told %d times", n)
	}
	if ends(t, p.logout(john), v1alpha1.ReasonLoggedOut); r.refused(johns) == "" {
		t.Error("the offline session lives")
	}
	if n := told.Load(); n != 1 {
		t.Error("the app of an offline session was told: docs/providers.md says that it is not")
	}
}
