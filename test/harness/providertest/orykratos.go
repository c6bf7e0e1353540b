package providertest

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

var kratosTokens = [2]map[string]string{{"token": "ory_pat_EXAMPLE"}, {"token": "ory_pat_ROTATED"}}

// OryKratos is the admin API of an Ory Kratos behind a gateway that requires a token, as in the Ory Network. By default
// it knows no identity.
var OryKratos = Fixture{
	Spec: func(endpoint, secret string) v1alpha1.ClusterLogoutProviderSpec {
		return v1alpha1.ClusterLogoutProviderSpec{
			Type: v1alpha1.OryKratosProviderType,
			OryKratos: &v1alpha1.OryKratosProvider{
				Endpoint:    endpoint,
				Credentials: &v1alpha1.Credentials{SecretRef: v1alpha1.SecretReference{Name: secret}},
			},
		}
	},
	Required:       []string{"endpoint"},
	URLs:           []string{"endpoint"},
	Secrets:        kratosTokens,
	AccountID:      "kratos.example",
	UserID:         kratosIdentity,
	InvalidUserID:  "jane",
	AccountNotSent: true,
	UnsafeInUser:   unsafeInPath,
	Call: func(r *http.Request, body []byte) (Call, bool) {
		id, ok := kratosPath(r, "/sessions")
		if !ok || r.Method != http.MethodDelete || len(body) != 0 {
			return Call{}, false
		}
		return Call{UserID: id, Secret: kratosToken(r)}, true
	},
	Other:  kratosIdentityIs(kratosNotFound),
	Beside: []string{http.MethodGet},
	Answers: Answers{
		LoggedOut: Answer{Status: http.StatusNoContent},
		LoggedOutAgain: kratosNotFound.beside(
			Answer{Status: 200, Header: kratosJSON,
				Body: `{"id":"` + kratosIdentity + `","schema_id":"default","traits":{}}`}),
		UnknownUser: kratosNotFound,
		Invalid:     kratosError(400, "", "uuid: incorrect UUID length 4 in string \"jane\""),
		NotAuthorized: []Answer{
			kratosError(401, "", "Access credentials are invalid"),
			kratosError(403, "", "Access credentials are not sufficient to access this resource"),
			{Status: 401, Header: map[string]string{"WWW-Authenticate": "Bearer"}},
			{Status: 403, Header: map[string]string{"Content-Type": "text/html"}, Body: page},
			kratosNotFound.beside(kratosError(401, "", "Access credentials are invalid")),
		},
		Throttled:   kratosError(429, "", "slow down"),
		Failed:      kratosError(500, "", "An internal server error occurred, please contact the system administrator"),
		Unavailable: kratosError(503, "", "The service is unavailable"),
		Echo: func(status int, text string) Answer {
			return kratosError(status, text, text)
		},
	},
}

const kratosIdentity = "9f425a8d-7efc-4768-8f23-7647a74fdf13"

var (
	kratosJSON     = map[string]string{"Content-Type": "application/json; charset=utf-8"}
	kratosNotFound = kratosError(404, "", "Unable to locate the resource")
)

// kratosError has the text in every field in which Kratos puts its words: message, reason, and the ID of the request.
func kratosError(status int, id, text string) Answer {
	body, _ := json.Marshal(map[string]any{"error": map[string]any{
		"id": id, "code": status, "status": http.StatusText(status), "request": id, "reason": text, "message": text,
	}})
	return Answer{Status: status, Header: kratosJSON, Body: string(body)}
}

// beside returns an answer to the logout, for a service that gives the other answer to a request for the identity.
func (a Answer) beside(identity Answer) Answer {
	a.Other = kratosIdentityIs(identity)
	return a
}

// kratosIdentityIs answers the one other request that the client makes.
func kratosIdentityIs(a Answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, ok := kratosPath(r, ""); !ok || r.Method != http.MethodGet || kratosToken(r) < 0 {
			http.Error(w, "not the identity", http.StatusTeapot) // no test expects this status
			return
		}
		a.write(w)
	}
}

// kratosPath returns the identity's ID in a path, before the rest.
func kratosPath(r *http.Request, rest string) (string, bool) {
	path, isIdentity := strings.CutPrefix(r.URL.EscapedPath(), "/admin/identities/")
	id, complete := strings.CutSuffix(path, rest)
	return unescape(id), isIdentity && complete && r.URL.RawQuery == "" && !strings.Contains(id, "/")
}

// kratosToken is the number of the token in a request.
func kratosToken(r *http.Request) int {
	for i, set := range kratosTokens {
		if r.Header.Get("Authorization") == "Bearer "+set["token"] {
			return i
		}
	}
	return -1
}
