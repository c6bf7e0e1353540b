package keycloak

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// TestNamesOfRealms: realms with names as Keycloak has them, as account and as the realm of the client.
func TestNamesOfRealms(t *testing.T) {
	for _, name := range []string{"Company GmbH", "Österreich", "a b.c"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRealm(t, name, nil)
			r.grant("manage-users")
			jane, john := r.newUser("jane", "jane@example.com"), r.newUser("john", "john@example.com")
			janes, johns := r.signIn("jane", false), r.signIn("john", false)
			byID := r.provider("by-id", v1alpha1.UserLookupID).apply()
			byName := r.provider("by-name", v1alpha1.UserLookupUsername).apply()

			ends(t, byID.logout(jane), v1alpha1.ReasonLoggedOut)
			if r.refused(janes) == "" || r.sessions(jane) != 0 || r.refused(johns) != "" {
				t.Error("jane is signed in, or john is not")
			}
			ends(t, byName.logout("john"), v1alpha1.ReasonLoggedOut)
			if r.refused(johns) == "" || r.sessions(john) != 0 {
				t.Error("john is signed in")
			}
		})
	}
}

// TestNamesOfUsers: user names that Keycloak has where the realm allows them, as with users of a directory.
func TestNamesOfUsers(t *testing.T) {
	t.Parallel()
	r := newRealm(t, "names", nil)
	r.grant("manage-users")
	r.allowAnyUsername()
	p := r.provider("by-name", v1alpha1.UserLookupUsername).apply()
	other := r.newUser("jane", "other@example.com")
	others := r.signIn("jane", false)
	users := 0
	for asks, username := range map[string]string{`corp\jane`: `corp\jane`, `CORP\John`: `corp\john`,
		"jane doe": "jane doe", "o%hare": "o%hare", "corp/jane": "corp/jane", "jane?x=y&z": "jane?x=y&z",
		"jane_corp.example#EXT#@corp.example": "jane_corp.example#ext#@corp.example"} {
		users++
		id := r.newUser(username, fmt.Sprintf("user%d@example.com", users))
		session := r.signIn(username, false)
		ends(t, p.logout(asks), v1alpha1.ReasonLoggedOut)
		if r.refused(session) == "" || r.sessions(id) != 0 {
			t.Errorf("%s is signed in", username)
		}
	}
	if why := r.refused(others); why != "" || r.sessions(other) != 1 {
		t.Errorf("jane was logged out: %s", why)
	}
}

// TestIDsOfUsers: IDs that are no UUIDs, as users have them who come from elsewhere. Keycloak gets each of them in one
// segment of the path. It would take any character there, but proxies on the way do not.
func TestIDsOfUsers(t *testing.T) {
	t.Parallel()
	ids := []string{"first12#second34", "jane doe", "{a}", "a..", "a:b@c", "Ärger"}
	username := func(i int) string { return fmt.Sprintf("user%d", i) }
	var users []any
	for i, id := range ids {
		users = append(users, map[string]any{"id": id, "username": username(i), "enabled": true,
			"email": username(i) + "@example.com", "firstName": "Jane", "lastName": "Doe",
			"credentials": []any{map[string]any{"type": "password", "value": password}}})
	}
	r := newRealm(t, "ids", map[string]any{"users": users})
	r.grant("manage-users")
	p := r.provider("by-id", v1alpha1.UserLookupID).apply()
	sessions := map[string]tokens{}
	for i, id := range ids {
		sessions[id] = r.signIn(username(i), false)
	}
	for i, id := range ids {
		ends(t, p.logout(id), v1alpha1.ReasonLoggedOut)
		for j, other := range ids {
			if out := r.refused(sessions[other]) != ""; out != (j <= i) {
				t.Errorf("after the logout of %q, that of %q is %t", id, other, out)
			}
		}
	}
}

// allowAnyUsername lets users of the realm have names with any characters.
func (r *realm) allowAnyUsername() {
	r.t.Helper()
	var profile map[string]any
	r.admin(http.MethodGet, "/users/profile", nil, http.StatusOK, &profile)
	for _, a := range profile["attributes"].([]any) {
		if attribute := a.(map[string]any); attribute["name"] == "username" {
			delete(attribute, "validations")
		}
	}
	r.admin(http.MethodPut, "/users/profile", profile, http.StatusOK, nil)
}
