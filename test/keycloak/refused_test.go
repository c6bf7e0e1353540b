package keycloak

import (
	"net/http"
	"testing"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// TestUnknown: Keycloak's own words for a user or a realm that does not exist are final.
func TestUnknown(t *testing.T) {
	t.Parallel()
	r := newRealm(t, "unknown", nil)
	r.grant("manage-users")
	p := r.provider("p", v1alpha1.UserLookupID).apply()
	elsewhere := r.provider("elsewhere", v1alpha1.UserLookupUsername)
	elsewhere.account = "no-such-realm"
	gone := r.newUser("gone", "gone@example.com")
	r.admin(http.MethodDelete, "/users/"+gone, nil, http.StatusNoContent, nil)
	for name, want := range map[string]string{
		p.logout("8f3c1b6e-2d4a-4c55-9b1e-0a7d5e2f9c11"): "User not found",
		p.logout("jane"):                 "User not found",
		p.logout(gone):                   "User not found",
		elsewhere.apply().logout("jane"): "Realm not found.",
	} {
		last := ends(t, name, v1alpha1.ReasonNotFound).Status.LastAttempt
		if last.Message != want || last.HTTPStatusCode != http.StatusNotFound {
			t.Errorf("%s: %+v", name, last)
		}
	}
}

// TestMisconfigured: an error in the configuration finishes no logout, and its message tells it from the other ones.
// After it is fixed, the logout succeeds.
func TestMisconfigured(t *testing.T) {
	t.Parallel()
	const (
		unexpected  = "token endpoint: unexpected response to the token request "
		notAccepted = "token endpoint: the service does not accept the credentials "
		// Keycloak says the same of a client that it does not know and of one that is disabled. Its words, which are the
		// same for a wrong secret, too, are left out, because they could be about to quote the credentials.
		unknown = notAccepted + "(HTTP 401, invalid_client)"
	)
	noAccount, disabled := serviceAccount("no-account"), serviceAccount("disabled")
	noAccount["serviceAccountsEnabled"], noAccount["directAccessGrantsEnabled"] = false, true
	disabled["enabled"] = false
	for name, tc := range map[string]struct {
		realm  map[string]any // settings of the realm
		client map[string]any // another one in the realm
		breaks func(p *provider)
		reason string
		says   string
	}{
		"base-path": {nil, nil, func(p *provider) { p.endpoint += "/auth" }, v1alpha1.ReasonUnexpectedResponse,
			unexpected + "(HTTP 404); check the endpoint; the service says: Unable to find matching target resource method"},
		"token-realm": {nil, nil, func(p *provider) { p.tokenRealm = "no-such-realm" }, v1alpha1.ReasonUnexpectedResponse,
			unexpected + "(HTTP 404); check the endpoint; the service says: Realm does not exist"},
		"other-realm": {nil, nil, func(p *provider) { p.tokenRealm = "master" }, v1alpha1.ReasonUnauthorized, unknown},
		"client":      {nil, nil, func(p *provider) { p.clientID = "no-such-client" }, v1alpha1.ReasonUnauthorized, unknown},
		"disabled":    {nil, disabled, func(p *provider) { p.clientID = "disabled" }, v1alpha1.ReasonUnauthorized, unknown},
		"secret": {nil, nil, func(p *provider) { p.secret = "another-secret-EXAMPLE" }, v1alpha1.ReasonUnauthorized,
			notAccepted + "(HTTP 401, unauthorized_client)"},
		"public": {nil, nil, func(p *provider) { p.clientID = appID }, v1alpha1.ReasonUnauthorized,
			notAccepted + "(HTTP 401, unauthorized_client); the service says: Public client not allowed to retrieve " +
				"service account"},
		"no-account": {nil, noAccount, func(p *provider) { p.clientID = "no-account" }, v1alpha1.ReasonUnauthorized,
			notAccepted + "(HTTP 401, unauthorized_client); the service says: Client not enabled to retrieve service " +
				"account"},
		"tls-only": {map[string]any{"sslRequired": "all"}, nil, nil, v1alpha1.ReasonUnexpectedResponse,
			unexpected + "(HTTP 403, invalid_request); check the endpoint; the service says: HTTPS required"},
		"off": {map[string]any{"enabled": false}, nil, nil, v1alpha1.ReasonUnauthorized,
			notAccepted + "(HTTP 403, access_denied); the service says: Realm not enabled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRealm(t, "misconfigured-"+name, tc.realm)
			r.grant("manage-users")
			jane := r.newUser("jane", "jane@example.com")
			if tc.client != nil {
				r.admin(http.MethodPost, "/clients", tc.client, http.StatusCreated, nil)
			}
			p := r.provider("p", v1alpha1.UserLookupID)
			right := *p
			if tc.breaks != nil {
				tc.breaks(p)
			}
			logout := p.apply().logout(jane)
			if says := fails(t, logout, tc.reason); says != tc.says {
				t.Errorf("it says %q, want %q", says, tc.says)
			}
			if tc.realm != nil {
				r.admin(http.MethodPut, "", map[string]any{"sslRequired": "external", "enabled": true},
					http.StatusNoContent, nil)
			}
			right.apply()
			ends(t, logout, v1alpha1.ReasonLoggedOut)
		})
	}
}
