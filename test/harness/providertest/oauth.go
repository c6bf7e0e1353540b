package providertest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

const jsonType = "application/json"

// oauthClients are two sets of OAuth 2.0 client credentials, which must be escaped.
var oauthClients = [2]map[string]string{
	{"clientID": "client:one/EXAMPLE", "clientSecret": "client+secret/EXAMPLE%1"},
	{"clientID": "client:two/EXAMPLE", "clientSecret": "rotated+secret/EXAMPLE%2"},
}

// oauthTokens are the tokens for these.
var oauthTokens = [2]string{"eyJhbGciOiJSUzI1NiJ9.e30.EXAMPLE1", "eyJhbGciOiJSUzI1NiJ9.e30.EXAMPLE2"}

// oauthDerived are the token of a set, and its credentials in the form in which they are sent.
func oauthDerived(set int) []string {
	id, secret := url.QueryEscape(oauthClients[set]["clientID"]), url.QueryEscape(oauthClients[set]["clientSecret"])
	return []string{oauthTokens[set], id, secret, base64.StdEncoding.EncodeToString([]byte(id + ":" + secret))}
}

// issueToken is a token endpoint.
func issueToken(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	for i, set := range oauthClients {
		if unescapeQuery(id) == set["clientID"] && unescapeQuery(secret) == set["clientSecret"] &&
			r.Method == http.MethodPost && r.FormValue("grant_type") == "client_credentials" {
			jsonAnswer(200, map[string]any{"access_token": oauthTokens[i], "token_type": "Bearer",
				"expires_in": 300}).write(w)
			return
		}
	}
	jsonAnswer(401, map[string]any{"error": "invalid_client"}).write(w)
}

// bearerOf is the number of the set of credentials to which a request's token belongs.
func bearerOf(r *http.Request, tokens [2]string) int {
	for i, token := range tokens {
		if r.Header.Get("Authorization") == "Bearer "+token {
			return i
		}
	}
	return -1
}

func jsonAnswer(status int, body any) Answer {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // it is a map of texts
	}
	return Answer{Status: status, Header: map[string]string{"Content-Type": jsonType}, Body: string(text)}
}

// unescapeQuery reads a form's value; an invalid one equals nothing.
func unescapeQuery(text string) string {
	s, err := url.QueryUnescape(text)
	if err != nil {
		return fmt.Sprintf("malformed: %s", text)
	}
	return s
}

// reversed reverses a text.
func reversed(text string) string {
	var b strings.Builder
	runes := []rune(text)
	for i := range runes {
		b.WriteRune(runes[len(runes)-1-i])
	}
	return b.String()
}
