package keycloak

import (
	"testing"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// TestLookup: a name or an e-mail address, in any case, is that of one user, and nobody else is logged out: neither one
// with a name that looks alike, nor one whose name begins alike or matches a pattern.
func TestLookup(t *testing.T) {
	t.Parallel()
	r := newRealm(t, "lookup", nil)
	r.grant("manage-users")
	type user struct {
		id, username string
		session      tokens
	}
	users := map[string]*user{} // by the part of the address before the @
	for local, username := range map[string]string{"one": "jane", "two": "janet", "three": "Ärger", "four": "user+tag",
		"five": "\u017fmith", "six": "smith", "seven": "Kim", "eight": "me@example.com", "nine": "straße",
		"ten": "strasse", "O'Hara+tag": "ohara", "other": "other"} {
		u := &user{id: r.newUser(username, local+"@example.com"), username: username}
		u.session = r.signIn(username, false)
		users[local] = u
	}
	byName := r.provider("by-name", v1alpha1.UserLookupUsername).apply()
	byEmail := r.provider("by-email", v1alpha1.UserLookupEmail).apply()
	const long, kelvin = "\u017f", "\u212a" // letters that some rules take for s and k

	ended := map[string]string{}
	for _, tc := range []struct {
		p    *provider
		asks string
		ends string // whose session; empty for nobody's
	}{
		{byName, "JANE", "one"}, {byName, "ärger", "three"}, {byName, "User+Tag", "four"},
		{byName, long + "mith", "five"}, {byName, "ME@example.com", "eight"}, {byName, "Straße", "nine"},
		{byEmail, "o'hara+TAG@Example.COM", "O'Hara+tag"}, {byEmail, "seven@example.com", "seven"},
		{byName, "jan", ""}, {byName, "jan*", ""}, {byName, "*", ""}, {byName, "jane_", ""},
		{byName, "a\u0308rger", ""}, {byName, "one@example.com", ""}, {byName, users["other"].id, ""},
		{byEmail, "other", ""}, {byEmail, "example.com", ""}, {byEmail, "other@example.com.example", ""},
	} {
		name := tc.p.logout(tc.asks)
		if tc.ends == "" {
			want := "no user of the realm has this " + map[*provider]string{byName: "username", byEmail: "email"}[tc.p]
			if says := ends(t, name, v1alpha1.ReasonNotFound).Status.LastAttempt.Message; says != want {
				t.Errorf("%q: it says %q", tc.asks, says)
			}
			continue
		}
		ends(t, name, v1alpha1.ReasonLoggedOut)
		ended[tc.ends] = tc.asks
	}
	// Keycloak finds kim, because Java takes the Kelvin sign for a capital k. The operator does not.
	fails(t, byName.logout(kelvin+"im"), v1alpha1.ReasonUnexpectedResponse)
	if ended["seven"] = ""; r.refused(users["seven"].session) == "" {
		t.Error("kim is signed in")
	}

	for local, u := range users {
		_, out := ended[local]
		if why := r.refused(u.session); (why != "") != out || (r.sessions(u.id) == 0) != out {
			t.Errorf("%s: %d sessions, refused with %q, after a logout of %q", u.username, r.sessions(u.id), why, ended[local])
		}
	}
}

// TestSharedEmail: where users can share an e-mail address, a look-up by one that they share logs nobody out.
func TestSharedEmail(t *testing.T) {
	t.Parallel()
	r := newRealm(t, "shared", map[string]any{"duplicateEmailsAllowed": true, "loginWithEmailAllowed": false})
	r.grant("manage-users")
	r.newUser("jane", "team@example.com")
	r.newUser("john", "Team@example.com")
	sam := r.newUser("sam", "sam@example.com")
	janes, johns, sams := r.signIn("jane", false), r.signIn("john", false), r.signIn("sam", false)
	p := r.provider("by-email", v1alpha1.UserLookupEmail).apply()

	if says := ends(t, p.logout("team@example.com"), v1alpha1.ReasonBadRequest).Status.LastAttempt.Message; says !=
		"several users of the realm have this email" {
		t.Errorf("it says %q", says)
	}
	if r.refused(janes) != "" || r.refused(johns) != "" {
		t.Error("somebody was logged out")
	}
	ends(t, p.logout("sam@example.com"), v1alpha1.ReasonLoggedOut)
	if r.refused(sams) == "" || r.sessions(sam) != 0 {
		t.Error("sam is signed in")
	}
}
