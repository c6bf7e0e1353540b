package keycloak

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
	"github.com/logout-operator/logout-operator/internal/logout/logouttest"
)

// TestContract in test/harness/providertest tests what every client has to do.

const (
	token  = "eyJhbGciOiJSUzI1NiJ9.e30.EXAMPLE"
	secret = "client-secret-EXAMPLE"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// keycloak answers each request by its method and URI, and keeps the requests.
type keycloak struct {
	*httptest.Server
	answers map[string]answer
	came    []string
}

type answer struct {
	status int
	body   string
}

func newKeycloak(t *testing.T, answers map[string]answer) *keycloak {
	k := &keycloak{answers: answers}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := r.Method + " " + r.URL.RequestURI()
		k.came = append(k.came, request)
		if strings.HasSuffix(request, "/protocol/openid-connect/token") {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":60}`, token)
			return
		}
		a, ok := k.answers[request]
		if !ok || r.Header.Get("Authorization") != "Bearer "+token || r.Header.Get("Accept") != "application/json" {
			t.Errorf("unexpected %s", request)
		}
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}))
	t.Cleanup(k.Close)
	return k
}

func (k *keycloak) attempt(t *testing.T, lookup Lookup, userID string) *logout.Error {
	t.Helper()
	c, err := New(Config{Endpoint: httpcall.MustParseEndpoint(k.URL), TokenRealm: "token", ClientID: "client",
		ClientSecret: secret, Lookup: lookup})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Logout(t.Context(), "staff", userID)
	return logouttest.Failure(t, err, token, secret)
}

const (
	tokens = "POST /realms/token/protocol/openid-connect/token"
	users  = "/admin/realms/staff/users"
	byName = "GET " + users + "?briefRepresentation=true&exact=true&max=2&username=jane%2Bx"
	byMail = "GET " + users + "?briefRepresentation=true&email=jane%2Bx&exact=true&max=2"
	ofU1   = "POST " + users + "/u-1/logout"
)

// The result of a search decides whether there is a logout, and of whom.
func TestLookup(t *testing.T) {
	const foreign = "unexpected response to Keycloak's search for users (HTTP 200); check the endpoint"
	const other = "Keycloak's search found a user with another username: write the userID exactly as Keycloak shows it"
	for name, tc := range map[string]struct {
		lookup Lookup
		found  answer
		want   *logout.Error // nil for a logout of u-1
	}{
		"by name": {ByUsername, answer{200, `[{"id":"u-1","username":"JANE+x"}]`}, nil},
		"by mail": {ByEmail, answer{200, `[{"id":"u-1","username":"else","email":"Jane+X"}]`}, nil},
		"several": {ByEmail, answer{200, `[{"id":"u-1","email":"jane+x"},{"id":"u-2","email":"jane+x"}]`},
			&logout.Error{Reason: logout.BadRequest, Message: "several users of the realm have this email"}},
		"another": {ByUsername, answer{200, `[{"id":"u-2","username":"mary-jane+x"}]`},
			&logout.Error{Reason: logout.UnexpectedResponse, Message: other}},
		"another beside": {ByUsername,
			answer{200, `[{"id":"u-1","username":"jane+x"},{"id":"u-2","username":"jane+xy"}]`},
			&logout.Error{Reason: logout.UnexpectedResponse, Message: other}},
		"the other property": {ByEmail, answer{200, `[{"id":"u-1","username":"jane+x"}]`},
			&logout.Error{Reason: logout.UnexpectedResponse, Message: foreign}},
		"no ID": {ByUsername, answer{200, `[{"username":"jane+x"}]`},
			&logout.Error{Reason: logout.UnexpectedResponse, Message: foreign}},
		"a path for ID": {ByUsername, answer{200, `[{"id":"../u-1","username":"jane+x"}]`},
			&logout.Error{Reason: logout.UnexpectedResponse, Message: foreign}},
		"null": {ByUsername, answer{200, `null`},
			&logout.Error{Reason: logout.UnexpectedResponse, Message: foreign}},
		"page": {ByUsername, answer{200, `<html>`},
			&logout.Error{Reason: logout.UnexpectedResponse, Message: foreign}},
		"no body": {ByUsername, answer{204, ``},
			&logout.Error{Reason: logout.UnexpectedResponse, HTTPStatusCode: 204,
				Message: "unexpected response to Keycloak's search for users (HTTP 204); check the endpoint"}},
		"no realm": {ByUsername, answer{404, `{"error":"Realm not found."}`},
			&logout.Error{Reason: logout.NotFound, Message: "Realm not found."}},
		"no permission": {ByUsername, answer{403, `{"error":"HTTP 403 Forbidden"}`},
			&logout.Error{Reason: logout.Unauthorized,
				Message: "Keycloak refuses the client (HTTP 403): give its service account the role manage-users"}},
		"down": {ByUsername, answer{503, ``},
			&logout.Error{Reason: logout.ServiceUnavailable, ProviderWide: true,
				Message: "the service answered HTTP 503"}},
	} {
		t.Run(name, func(t *testing.T) {
			search := byName
			if tc.lookup == ByEmail {
				search = byMail
			}
			k := newKeycloak(t, map[string]answer{search: tc.found, ofU1: {204, ""}})
			e := k.attempt(t, tc.lookup, "jane+x")
			want := []string{tokens, search}
			if tc.want == nil {
				want = append(want, ofU1)
			} else {
				tc.want.HTTPStatusCode = tc.found.status
			}
			if !slices.Equal(k.came, want) {
				t.Errorf("came %q", k.came)
			}
			if (e == nil) != (tc.want == nil) || e != nil && *e != *tc.want {
				t.Errorf("\n got %+v\nwant %+v", e, tc.want)
			}
		})
	}
}

// TestNobodyFound: a search that finds nobody is final only if the client sees anybody.
func TestNobodyFound(t *testing.T) {
	const anybody = "GET " + users + "?briefRepresentation=true&max=1"
	for name, tc := range map[string]struct {
		anybody answer
		want    logout.Error
	}{
		"somebody else": {answer{200, `[{"id":"u-9","username":"sam"}]`},
			logout.Error{Reason: logout.NotFound, Message: "no user of the realm has this username"}},
		"nobody to be seen": {answer{200, `[]`}, logout.Error{Reason: logout.Unauthorized,
			Message: "the client sees no user of the realm: give its service account the role manage-users"}},
		"not allowed": {answer{403, ""}, logout.Error{Reason: logout.Unauthorized,
			Message: "the service does not accept the credentials (HTTP 403)"}},
		"page": {answer{200, "<html>"}, logout.Error{Reason: logout.UnexpectedResponse,
			Message: "unexpected response to Keycloak's search for users (HTTP 200); check the endpoint"}},
		"down": {answer{503, ""}, logout.Error{Reason: logout.ServiceUnavailable, ProviderWide: true,
			Message: "the service answered HTTP 503"}},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeycloak(t, map[string]answer{byName: {200, "[]"}, anybody: tc.anybody})
			tc.want.HTTPStatusCode = tc.anybody.status
			if e := k.attempt(t, ByUsername, "jane+x"); e == nil || *e != tc.want ||
				!slices.Equal(k.came, []string{tokens, byName, anybody}) {
				t.Errorf("got %+v\nwant %+v\ncame %q", e, tc.want, k.came)
			}
		})
	}
}

// A name that only looks like a user's logs nobody out, whatever a search
// finds.
func TestLookalikesAreNotLoggedOut(t *testing.T) {
	for found, asked := range lookalikes {
		search := "GET " + users + "?" +
			url.Values{"briefRepresentation": {"true"}, "exact": {"true"}, "max": {"2"}, "username": {asked}}.Encode()
		k := newKeycloak(t, map[string]answer{search: {200, `[{"id":"u-1","username":"` + found + `"}]`},
			ofU1: {204, ""}})
		if e := k.attempt(t, ByUsername, asked); e == nil || e.Reason != logout.UnexpectedResponse ||
			slices.Contains(k.came, ofU1) {
			t.Errorf("%q finds %q: %+v", asked, found, e)
		}
	}
}

// Keycloak's answers other than 204, with the messages of several versions.
func TestAnswers(t *testing.T) {
	const refused = "the service does not accept the credentials (HTTP "
	const unconfirmed = "unexpected response to Keycloak's logout (HTTP 200), which does not confirm the logout: " +
		"the user may be logged out or not; check the endpoint"
	foreign := func(what string) string {
		return "unexpected response to Keycloak's logout (HTTP " + what + "); check the endpoint"
	}
	for _, tc := range []struct {
		answer
		want logout.Error
	}{
		{answer{404, `{"error":"User not found"}`}, logout.Error{Reason: logout.NotFound, Message: "User not found"}},
		{answer{404,
			`{"error":"User not found","error_description":"For more on this error consult the server log at the debug level."}`},
			logout.Error{Reason: logout.NotFound, Message: "User not found"}},
		{answer{404, `{"error":"invalid_request","error_description":"User not found"}`},
			logout.Error{Reason: logout.NotFound, Code: "invalid_request", Message: "User not found"}},
		{answer{404, `{"error":"Realm not found."}`},
			logout.Error{Reason: logout.NotFound, Message: "Realm not found."}},
		{answer{404, `{"error":"HTTP 404 Not Found"}`},
			logout.Error{Reason: logout.UnexpectedResponse, Message: foreign("404"), Words: "HTTP 404 Not Found"}},
		{answer{404, `{"error":"Unable to find matching target resource method"}`},
			logout.Error{Reason: logout.UnexpectedResponse, Message: foreign("404"),
				Words: "Unable to find matching target resource method"}},
		{answer{404, `User not found`}, logout.Error{Reason: logout.UnexpectedResponse, Message: foreign("404")}},
		{answer{401, `{"error":"HTTP 401 Unauthorized"}`},
			logout.Error{Reason: logout.Unauthorized, ProviderWide: true, Message: refused + "401)",
				Words: "HTTP 401 Unauthorized"}},
		{answer{403, `{"error":"unknown_error"}`},
			logout.Error{Reason: logout.Unauthorized, Code: "unknown_error", Message: refused + "403, unknown_error)"}},
		{answer{400, `{"errorMessage":"this user cannot"}`},
			logout.Error{Reason: logout.BadRequest, Message: "this user cannot"}},
		{answer{400, `{"error":"invalid_token","error_description":"Token is not active"}`},
			logout.Error{Reason: logout.Unauthorized, Code: "invalid_token",
				Message: refused + "400, invalid_token)", Words: "Token is not active"}},
		{answer{400, `{"error":"temporarily_unavailable"}`},
			logout.Error{Reason: logout.ServiceUnavailable, ProviderWide: true, Code: "temporarily_unavailable",
				Message: "the service answered HTTP 400, temporarily_unavailable"}},
		{answer{400, `{"error":"HTTP 400 Bad Request"}`},
			logout.Error{Reason: logout.BadRequest, Message: "HTTP 400 Bad Request"}},
		{answer{400, `{"timestamp":"2026-01-01","path":"/x","status":400,"error":"Bad Request","requestId":"abc"}`},
			logout.Error{Reason: logout.UnexpectedResponse, Message: foreign("400")}},
		{answer{500, `{"status":500,"error":"Internal Server Error"}`},
			logout.Error{Reason: logout.ServiceFailure, Message: "the service answered HTTP 500"}},
		{answer{405, ``}, logout.Error{Reason: logout.UnexpectedResponse, Message: foreign("405")}},
		{answer{500, `{"error":"unknown_error"}`},
			logout.Error{Reason: logout.ServiceFailure, Code: "unknown_error",
				Message: "the service answered HTTP 500, unknown_error"}},
		{answer{200, `<html>`}, logout.Error{Reason: logout.UnexpectedResponse, Message: foreign("200")}},
		{answer{200, `[]`}, logout.Error{Reason: logout.UnexpectedResponse, Unconfirmed: true, Message: unconfirmed}},
	} {
		k := newKeycloak(t, map[string]answer{ofU1: tc.answer})
		e := k.attempt(t, ByID, "u-1")
		tc.want.HTTPStatusCode = tc.status
		if e == nil || *e != tc.want || !slices.Equal(k.came, []string{tokens, ofU1}) {
			t.Errorf("%+v\n got %+v\nwant %+v\ncame %q", tc.answer, e, tc.want, k.came)
		}
	}
}

func TestNewChecksTheConfiguration(t *testing.T) {
	endpoint := httpcall.MustParseEndpoint("https://keycloak.example")
	for want, config := range map[string]Config{
		"token realm must not be empty":             {Endpoint: endpoint},
		"token realm must not consist of dots only": {Endpoint: endpoint, TokenRealm: ".."},
		"client ID and secret must not be empty":    {Endpoint: endpoint, TokenRealm: "master", ClientID: "a"},
	} {
		if _, err := New(config); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestIDsWithHash: IDs from federated stores may have a #, but not where a proxy that cuts the path there would change
// more than the ID.
func TestIDsWithHash(t *testing.T) {
	for id, ok := range map[string]bool{"f:1b2c:first12#second34": true, "a#b#c": true, "a#": true, "#a": false, "..#a": false,
		"a#/b": false, "a#?b": false, "a#%2Fb": false, "a#;b": false} {
		if err := checkUserID(id); (err == nil) != ok {
			t.Errorf("%q: %v", id, err)
		}
	}
}
