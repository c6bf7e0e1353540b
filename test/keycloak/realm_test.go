package keycloak

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/harness/await"
)

const (
	password     = "correct-horse-battery-staple" // of all users
	clientSecret = "client-secret-EXAMPLE"
	operatorID   = "logout-operator" // the client of the operator
	appID        = "app"             // a public client, by which users sign in
)

// realm of one test.
type realm struct {
	t    *testing.T
	name string // part of the name of its providers, too, if it can be
	// The internal IDs of the two clients, and that of the user who is the operator's service account.
	operator, app, account string
}

// newRealm makes a realm with the two clients. The operator's has no role yet.
func newRealm(t *testing.T, name string, settings map[string]any) *realm {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the operator printed at last:\n%s\nKeycloak printed at last:\n%s", operator.log.Tail(20_000),
				keycloak.log.Tail(10_000))
		}
	})
	r := &realm{t: t, name: name}
	spec := map[string]any{"realm": name, "enabled": true, "clients": []any{
		map[string]any{"clientId": appID, "publicClient": true, "directAccessGrantsEnabled": true,
			"standardFlowEnabled": false},
		serviceAccount(operatorID),
	}}
	for k, v := range settings {
		spec[k] = v
	}
	r.adminOf("", http.MethodPost, "", spec, http.StatusCreated, nil)
	r.operator, r.app = r.client(name, operatorID), r.client(name, appID)
	r.account = r.accountOf(name, r.operator)
	return r
}

// serviceAccount is a client with a service account, and with every other flow off.
func serviceAccount(id string) map[string]any {
	return map[string]any{"clientId": id, "secret": clientSecret, "publicClient": false,
		"serviceAccountsEnabled": true, "standardFlowEnabled": false, "directAccessGrantsEnabled": false}
}

// client returns the internal ID of a client.
func (r *realm) client(realm, id string) string {
	r.t.Helper()
	var found []struct{ ID string }
	r.adminOf(realm, http.MethodGet, "/clients?clientId="+url.QueryEscape(id), nil, http.StatusOK, &found)
	if len(found) != 1 {
		r.t.Fatalf("%d clients %s in %s", len(found), id, realm)
	}
	return found[0].ID
}

// accountOf returns the user who is a client's service account.
func (r *realm) accountOf(realm, client string) string {
	r.t.Helper()
	var user struct{ ID string }
	r.adminOf(realm, http.MethodGet, "/clients/"+client+"/service-account-user", nil, http.StatusOK, &user)
	return user.ID
}

// grant gives the operator's service account roles of the client realm-management.
func (r *realm) grant(roles ...string) {
	r.t.Helper()
	r.grantIn(r.name, r.account, "realm-management", roles...)
}

func (r *realm) grantIn(realm, account, ofClient string, roles ...string) {
	r.t.Helper()
	of := r.client(realm, ofClient)
	for _, name := range roles {
		var role map[string]any
		r.adminOf(realm, http.MethodGet, "/clients/"+of+"/roles/"+name, nil, http.StatusOK, &role)
		r.adminOf(realm, http.MethodPost, "/users/"+account+"/role-mappings/clients/"+of, []any{role},
			http.StatusNoContent, nil)
	}
}

// newUser returns the ID of a new user.
func (r *realm) newUser(username, email string) string {
	r.t.Helper()
	return r.admin(http.MethodPost, "/users", map[string]any{
		"username": username, "email": email, "emailVerified": true, "firstName": "Jane", "lastName": "Doe",
		"enabled": true, "requiredActions": []any{}, // otherwise they cannot sign in by a password alone
		"credentials": []any{map[string]any{"type": "password", "value": password}},
	}, http.StatusCreated, nil)
}

// tokens of a session.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// signIn signs in with a password, as an app does; offline makes an offline session.
func (r *realm) signIn(username string, offline bool) (got tokens) {
	r.t.Helper()
	scope := "openid"
	if offline {
		scope += " offline_access"
	}
	a := r.post(url.Values{"grant_type": {"password"}, "client_id": {appID}, "username": {username},
		"password": {password}, "scope": {scope}})
	if a.status != http.StatusOK || a.decode(&got) != nil || got.Refresh == "" {
		r.t.Fatalf("signing in %s: %s", username, a)
	}
	return got
}

// refused returns why Keycloak refuses a refresh token; empty if it gives a new token for it.
func (r *realm) refused(got tokens) string {
	r.t.Helper()
	a := r.post(url.Values{"grant_type": {"refresh_token"}, "client_id": {appID}, "refresh_token": {got.Refresh}})
	if a.status == http.StatusOK {
		return ""
	}
	var refusal struct {
		Description string `json:"error_description"`
	}
	if a.status != http.StatusBadRequest || a.decode(&refusal) != nil || refusal.Description == "" {
		r.t.Fatalf("refreshing a token: %s", a)
	}
	return refusal.Description
}

func (r *realm) post(form url.Values) answer {
	r.t.Helper()
	a, err := send(r.t.Context(), http.MethodPost, keycloak.tokens(r.name), "", form)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// accepted reports whether Keycloak itself still accepts an access token.
func (r *realm) accepted(got tokens) bool {
	r.t.Helper()
	a, err := send(r.t.Context(), http.MethodGet,
		keycloak.url+"/realms/"+url.PathEscape(r.name)+"/protocol/openid-connect/userinfo", got.Access, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if a.status != http.StatusOK && a.status != http.StatusUnauthorized {
		r.t.Fatalf("userinfo: %s", a)
	}
	return a.status == http.StatusOK
}

// sessions is how many sessions Keycloak lists for a user.
func (r *realm) sessions(userID string) int {
	r.t.Helper()
	return r.count("/users/" + userID + "/sessions")
}

// offlineSessions is how many offline sessions Keycloak lists for a user.
func (r *realm) offlineSessions(userID string) int {
	r.t.Helper()
	return r.count("/users/" + userID + "/offline-sessions/" + r.app)
}

func (r *realm) count(path string) int {
	r.t.Helper()
	var list []any
	r.admin(http.MethodGet, path, nil, http.StatusOK, &list)
	return len(list)
}

// revoke revokes the tokens that the operator's client has so far. They have the second in which they were issued.
func (r *realm) revoke() {
	r.t.Helper()
	r.admin(http.MethodPut, "/clients/"+r.operator, map[string]any{"notBefore": time.Now().Unix() + 1},
		http.StatusNoContent, nil)
}

// nextSecond returns when the present second is over. A logout revokes the tokens that were issued in earlier seconds.
func (r *realm) nextSecond() {
	r.t.Helper()
	began := time.Now().Unix()
	await.Eventually(r.t, "the next second", func(context.Context) error {
		if time.Now().Unix() == began {
			return errors.New("it is still the same")
		}
		return nil
	})
}
