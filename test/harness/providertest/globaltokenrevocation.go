package providertest

import (
	"encoding/json"
	"maps"
	"net/http"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// GlobalTokenRevocation is a service that speaks Global Token Revocation, with a token endpoint.
var GlobalTokenRevocation = Fixture{
	Spec: func(endpoint, secret string) v1alpha1.ClusterLogoutProviderSpec {
		return v1alpha1.ClusterLogoutProviderSpec{
			Type: v1alpha1.GlobalTokenRevocationProviderType,
			GlobalTokenRevocation: &v1alpha1.GlobalTokenRevocationProvider{
				Endpoint: endpoint + "/global-token-revocation", SubjectFormat: v1alpha1.SubjectFormatOpaque,
				Credentials: v1alpha1.Credentials{SecretRef: v1alpha1.SecretReference{Name: secret}},
				ClientCredentials: &v1alpha1.ClientCredentials{TokenURL: endpoint + "/token",
					Scopes: []string{"revoke"}},
			},
		}
	},
	Required:       []string{"endpoint", "subjectFormat", "credentials", "clientCredentials.tokenURL"},
	URLs:           []string{"endpoint", "clientCredentials.tokenURL"},
	Secrets:        oauthClients,
	Derived:        oauthDerived(0),
	DerivedLater:   oauthDerived(1),
	AccountID:      "example-tenant",
	UserID:         "af19c476f1dc4470fa3d0d9a25",
	Call:           revocationCall(oauthTokens, map[string]string{"format": "opaque"}, "id"),
	AccountNotSent: true,
	BareNotFound:   true,
	Other: func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/token" || r.FormValue("scope") != "revoke" {
			jsonAnswer(400, map[string]any{"error": "invalid_request"}).write(w)
			return
		}
		issueToken(w, r)
	},
	Beside:    []string{http.MethodPost},
	RequestID: "3f1c-77",
	Answers: Answers{
		LoggedOut:   Answer{Status: 204, Header: map[string]string{"X-Request-Id": "3f1c-77"}},
		UnknownUser: Answer{Status: 404},
		Invalid:     revocationError(400, "invalid_request", "format not supported"),
		NotAuthorized: []Answer{revocationError(401, "invalid_token", "expired"), {Status: 401},
			revocationError(403, "insufficient_scope", "no"), {Status: 403}},
		Throttled:   Answer{Status: 429},
		Failed:      revocationError(500, "server_error", "oops"),
		Unavailable: revocationError(503, "temporarily_unavailable", "later"),
		Echo: func(status int, text string) Answer {
			return revocationError(status, text, text).with("X-Request-Id", oneLine(text))
		},
	},
}

// GlobalTokenRevocationByToken is the same with a token in the Secret.
var GlobalTokenRevocationByToken = func() Fixture {
	p, tokens := GlobalTokenRevocation, [2]string{"f5641763544a7b24b08e4f74045", "0b48e4f740455641763544a7b24"}
	with := p.Spec
	p.Spec = func(endpoint, secret string) v1alpha1.ClusterLogoutProviderSpec {
		spec := with(endpoint, secret)
		spec.GlobalTokenRevocation.ClientCredentials = nil
		return spec
	}
	p.URLs = []string{"endpoint"}
	p.Secrets = [2]map[string]string{{"token": tokens[0]}, {"token": tokens[1]}}
	p.Derived, p.DerivedLater, p.Other, p.Beside = nil, nil, nil, nil
	p.Call = revocationCall(tokens, map[string]string{"format": "opaque"}, "id")
	return p
}()

// GlobalTokenRevocationByEmail and those that follow identify users in other ways.
var (
	GlobalTokenRevocationByEmail = revocationBy(v1alpha1.GlobalTokenRevocationProvider{
		SubjectFormat: v1alpha1.SubjectFormatEmail}, map[string]string{"format": "email"}, "email")
	GlobalTokenRevocationByIssuer = revocationBy(v1alpha1.GlobalTokenRevocationProvider{
		SubjectFormat: v1alpha1.SubjectFormatIssuerSubject, Issuer: "https://issuer.example.com/"},
		map[string]string{"format": "iss_sub", "iss": "https://issuer.example.com/"}, "sub")
	GlobalTokenRevocationByAttribute = revocationBy(v1alpha1.GlobalTokenRevocationProvider{
		SubjectFormat: v1alpha1.SubjectFormatAttribute, Attribute: "mail"}, map[string]string{"format": "mail"}, "id")
)

func revocationBy(by v1alpha1.GlobalTokenRevocationProvider, subject map[string]string, user string) Fixture {
	p := GlobalTokenRevocation
	p.Spec = func(endpoint, secret string) v1alpha1.ClusterLogoutProviderSpec {
		spec := GlobalTokenRevocation.Spec(endpoint, secret)
		g := spec.GlobalTokenRevocation
		g.SubjectFormat, g.Issuer, g.Attribute = by.SubjectFormat, by.Issuer, by.Attribute
		return spec
	}
	p.Call, p.Beside = revocationCall(oauthTokens, subject, user), nil // as before
	return p
}

// revocationCall reads a revocation request. The request's subject identifier has the user under the given name, in
// addition to the members that are the same for all users.
func revocationCall(tokens [2]string, subject map[string]string, user string) func(*http.Request, []byte) (Call, bool) {
	return func(r *http.Request, body []byte) (Call, bool) {
		var in map[string]map[string]string
		if r.Method != http.MethodPost || r.URL.Path != "/global-token-revocation" || r.URL.RawQuery != "" ||
			r.Header.Get("Content-Type") != jsonType || json.Unmarshal(body, &in) != nil {
			return Call{}, false
		}
		got := in["sub_id"]
		call := Call{UserID: got[user], Secret: bearerOf(r, tokens)}
		delete(got, user)
		return call, len(in) == 1 && maps.Equal(got, subject)
	}
}

func revocationError(status int, code, description string) Answer {
	return jsonAnswer(status, map[string]any{"error": code, "error_description": description})
}
