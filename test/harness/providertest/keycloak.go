package providertest

import (
	"net/http"
	"strings"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

const keycloakToken = "/auth/realms/master/protocol/openid-connect/token"

// Keycloak is a Keycloak with a base path, and a client in its realm master.
var Keycloak = Fixture{
	Spec:         keycloakSpec(v1alpha1.UserLookupID),
	Required:     []string{"endpoint", "tokenRealm", "credentials"},
	URLs:         []string{"endpoint"},
	Secrets:      oauthClients,
	Derived:      oauthDerived(0),
	DerivedLater: oauthDerived(1),
	AccountID:    "example",
	UserID:       "8f3c1b6e-2d4a-4c55-9b1e-0a7d5e2f9c11",

	UnsafeInAccount: unsafeInPath,
	UnsafeInUser:    `/\%?;`, // IDs from federated stores have a #

	Call: keycloakCall(func(id string) string { return id }),
	Other: func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != keycloakToken {
			keycloakError(404, "HTTP 404 Not Found").write(w)
			return
		}
		issueToken(w, r)
	},
	Beside: []string{http.MethodPost},
	Answers: Answers{
		LoggedOut:      Answer{Status: 204},
		UnknownUser:    keycloakError(404, "User not found"),
		UnknownAccount: keycloakError(404, "Realm not found."),
		Invalid:        keycloakError(400, "Bad request"),
		NotAuthorized: []Answer{keycloakError(401, "HTTP 401 Unauthorized"), keycloakError(403, "HTTP 403 Forbidden"),
			{Status: 401}, {Status: 403}},
		Throttled:   Answer{Status: 429},
		Failed:      keycloakError(500, "unknown_error"),
		Unavailable: keycloakError(503, "HTTP 503 Service Unavailable"),
		Echo: func(status int, text string) Answer {
			return jsonAnswer(status, map[string]any{"error": text, "error_description": "User not found " + text,
				"errorMessage": text})
		},
	},
}

// KeycloakByUsername and KeycloakByEmail look users up.
var (
	KeycloakByUsername = keycloakBy(v1alpha1.UserLookupUsername, "username")
	KeycloakByEmail    = keycloakBy(v1alpha1.UserLookupEmail, "email")
)

// idOf is the ID of a user in this Keycloak: the reversed name, with look-alikes of what is unsafe in a path.
func idOf(name string) string {
	return reversed(strings.NewReplacer("/", "∕", `\`, "∖", "%", "٪", "?", "？", ";", "；").Replace(name))
}

// nameOf is the name of the user with an ID.
func nameOf(id string) string {
	return strings.NewReplacer("∕", "/", "∖", `\`, "٪", "%", "？", "?", "；", ";").Replace(reversed(id))
}

func keycloakBy(lookup v1alpha1.UserLookup, parameter string) Fixture {
	p := Keycloak
	p.Spec, p.UserID, p.Call = keycloakSpec(lookup), "jane@example.com", keycloakCall(nameOf)
	p.UnsafeInUser = ""
	p.Beside = []string{http.MethodGet} // in addition to the request for a token
	p.Other = func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Query().Get(parameter)
		if r.Method != http.MethodGet || name == "" || r.URL.Query().Get("exact") != "true" {
			Keycloak.Other(w, r)
			return
		}
		if bearerOf(r, oauthTokens) < 0 {
			Keycloak.NotAuthorized[0].write(w)
			return
		}
		jsonAnswer(200, []map[string]any{{"id": idOf(name), parameter: strings.ToUpper(name)}}).write(w)
	}
	return p
}

func keycloakSpec(lookup v1alpha1.UserLookup) func(endpoint, secret string) v1alpha1.ClusterLogoutProviderSpec {
	return func(endpoint, secret string) v1alpha1.ClusterLogoutProviderSpec {
		return v1alpha1.ClusterLogoutProviderSpec{
			Type: v1alpha1.KeycloakProviderType,
			Keycloak: &v1alpha1.KeycloakProvider{
				Endpoint: endpoint + "/auth/", TokenRealm: "master", UserLookup: lookup,
				Credentials: v1alpha1.Credentials{SecretRef: v1alpha1.SecretReference{Name: secret}},
			},
		}
	}
}

func keycloakCall(userOf func(id string) string) func(*http.Request, []byte) (Call, bool) {
	return func(r *http.Request, body []byte) (Call, bool) {
		path := strings.Split(r.URL.EscapedPath(), "/")
		if r.Method != http.MethodPost || len(path) != 8 || strings.Join(path[:4], "/") != "/auth/admin/realms" ||
			path[5] != "users" || path[7] != "logout" || r.URL.RawQuery != "" || len(body) != 0 {
			return Call{}, false
		}
		return Call{AccountID: unescape(path[4]), UserID: userOf(unescape(path[6])),
			Secret: bearerOf(r, oauthTokens)}, true
	}
}

func keycloakError(status int, text string) Answer {
	return jsonAnswer(status, map[string]any{"error": text})
}
