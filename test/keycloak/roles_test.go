package keycloak

import (
	"net/http"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// What the operator says of the two ways in which Keycloak refuses a client without manage-users.
const (
	noRole    = "Keycloak refuses the client (HTTP 403): give its service account the role manage-users"
	seesNoOne = "the client sees no user of the realm: give its service account the role manage-users"
)

// TestRoles: a service account without a role logs nobody out, but no logout finishes because of it. Once it has the
// role, the logout succeeds, though nobody touches the Secret, the provider or the object.
func TestRoles(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		roles  []string // before
		lookup v1alpha1.UserLookup
		says   string
	}{
		"by-id-none":         {nil, v1alpha1.UserLookupID, noRole},
		"by-id-view-users":   {[]string{"view-users"}, v1alpha1.UserLookupID, noRole},
		"by-name-none":       {nil, v1alpha1.UserLookupUsername, noRole},
		"by-name-query":      {[]string{"query-users"}, v1alpha1.UserLookupUsername, seesNoOne},
		"by-email-query":     {[]string{"query-users"}, v1alpha1.UserLookupEmail, seesNoOne},
		"by-name-view-users": {[]string{"view-users"}, v1alpha1.UserLookupUsername, noRole},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRealm(t, "roles-"+name, nil)
			r.grant(tc.roles...)
			jane := r.newUser("jane", "jane@example.com")
			session := r.signIn("jane", false)
			p := r.provider("p", tc.lookup).apply()
			before := p.secretVersion()

			logout := p.logout(map[v1alpha1.UserLookup]string{v1alpha1.UserLookupID: jane,
				v1alpha1.UserLookupUsername: "jane", v1alpha1.UserLookupEmail: "jane@example.com"}[tc.lookup])
			if says := fails(t, logout, v1alpha1.ReasonUnauthorized); says != tc.says {
				t.Errorf("it says %q, want %q", says, tc.says)
			}
			if why := r.refused(session); why != "" {
				t.Errorf("logged out nevertheless: %s", why)
			}
			r.grant("manage-users")
			if obj := ends(t, logout, v1alpha1.ReasonLoggedOut); obj.Status.Attempts < 2 {
				t.Errorf("%d attempts", obj.Status.Attempts)
			}
			if r.refused(session) == "" || r.sessions(jane) != 0 {
				t.Error("still signed in")
			}
			if p.secretVersion() != before {
				t.Error("somebody touched the Secret")
			}
		})
	}
}

// TestClientInMaster: a client in the realm master needs the role of each realm.
func TestClientInMaster(t *testing.T) {
	t.Parallel()
	r := newRealm(t, "by-master", nil)
	jane := r.newUser("jane", "jane@example.com")
	session := r.signIn("jane", false)
	const clientID = "of-several-realms"
	r.adminOf("master", http.MethodPost, "/clients", serviceAccount(clientID), http.StatusCreated, nil)
	account := r.accountOf("master", r.client("master", clientID))
	p := r.provider("p", v1alpha1.UserLookupUsername)
	p.tokenRealm, p.clientID = "master", clientID

	logout := p.apply().logout("jane")
	if says := fails(t, logout, v1alpha1.ReasonUnauthorized); says != noRole {
		t.Errorf("it says %q", says)
	}
	r.grantIn("master", account, r.name+"-realm", "manage-users")
	ends(t, logout, v1alpha1.ReasonLoggedOut)
	if r.refused(session) == "" || r.sessions(jane) != 0 {
		t.Error("still signed in")
	}
}

func (p *provider) secretVersion() string {
	p.t.Helper()
	var secret corev1.Secret
	if err := cluster.Admin.Get(p.t.Context(), client.ObjectKey{Namespace: operatortest.Namespace, Name: p.name},
		&secret); err != nil {
		p.t.Fatal(err)
	}
	return secret.ResourceVersion
}

// TestFineGrained: a client without any role can have a permission for some users. It logs out these by ID, and a
// logout of anybody else waits for a permission. A look-up by name does not tell anybody else from a user who does not
// exist, as docs/providers.md says.
func TestFineGrained(t *testing.T) {
	t.Parallel()
	r := newRealm(t, "fine-grained", map[string]any{"adminPermissionsEnabled": true})
	sam, jane := r.newUser("sam", "sam@example.com"), r.newUser("jane", "jane@example.com")
	sams, janes := r.signIn("sam", false), r.signIn("jane", false)
	permissions := "/clients/" + r.client(r.name, "admin-permissions") + "/authz/resource-server"
	var policy struct{ ID string }
	r.admin(http.MethodPost, permissions+"/policy/user",
		map[string]any{"name": "operator", "users": []string{r.account}}, http.StatusCreated, &policy)
	r.admin(http.MethodPost, permissions+"/permission/scope", map[string]any{"name": "sam", "resourceType": "Users",
		"resources": []string{sam}, "scopes": []string{"view", "manage"}, "policies": []string{policy.ID}},
		http.StatusCreated, nil)

	byID := r.provider("by-id", v1alpha1.UserLookupID).apply()
	ends(t, byID.logout(sam), v1alpha1.ReasonLoggedOut)
	if r.refused(sams) == "" || r.sessions(sam) != 0 {
		t.Error("sam is signed in")
	}
	if says := fails(t, byID.logout(jane), v1alpha1.ReasonUnauthorized); says != noRole {
		t.Errorf("it says %q", says)
	}

	r.grant("query-users") // without it, nobody can search
	byName := r.provider("by-name", v1alpha1.UserLookupUsername).apply()
	sams = r.signIn("sam", false)
	ends(t, byName.logout("sam"), v1alpha1.ReasonLoggedOut)
	if r.refused(sams) == "" {
		t.Error("sam is signed in again")
	}
	ends(t, byName.logout("jane"), v1alpha1.ReasonNotFound)
	if why := r.refused(janes); why != "" {
		t.Errorf("jane was logged out: %s", why)
	}
}
