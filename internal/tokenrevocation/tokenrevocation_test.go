package tokenrevocation

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/logout-operator/logout-operator/internal/bearer"
	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
	"github.com/logout-operator/logout-operator/internal/logout/logouttest"
)

// TestContract in test/harness/providertest tests what every client has to do.

const token = "f5641763544a7b24b08e4f74045"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func attempt(
	t *testing.T, endpoint string, subject func(string) Subject, userID string,
) (logout.Receipt, *logout.Error) {
	t.Helper()
	c, err := New(Config{Endpoint: httpcall.MustParseEndpoint(endpoint), Subject: subject,
		Auth: bearer.Config{Token: token}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	receipt, err := c.Logout(t.Context(), "tenant", userID)
	return receipt, logouttest.Failure(t, err, token)
}

// The requests in the draft's examples, and one with characters that JSON
// escapes.
func TestSubjects(t *testing.T) {
	for want, tc := range map[string]struct {
		subject func(string) Subject
		userID  string
	}{
		`{"sub_id":{"format":"email","email":"user@example.com"}}`:      {Email, "user@example.com"},
		`{"sub_id":{"format":"opaque","id":"e193177dfdc52e3dd03f78c"}}`: {Opaque, "e193177dfdc52e3dd03f78c"},
		`{"sub_id":{"format":"iss_sub","iss":"https://issuer.example.com/","sub":"af19c476f1dc4470fa3d0d9a25"}}`: {
			IssuerSubject("https://issuer.example.com/"), "af19c476f1dc4470fa3d0d9a25"},
		`{"sub_id":{"format":"mail","id":"user@example.com"}}`:        {Attribute("mail"), "user@example.com"},
		`{"sub_id":{"format":"opaque","id":"\",\"format\":\"email"}}`: {Opaque, `","format":"email`},
	} {
		var got, media, auth string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got, media, auth = string(body), r.Header.Get("Content-Type"), r.Header.Get("Authorization")
			w.WriteHeader(http.StatusNoContent)
		}))
		receipt, e := attempt(t, server.URL, tc.subject, tc.userID)
		server.Close()
		if e != nil || receipt != (logout.Receipt{HTTPStatusCode: 204}) || got != want || media != "application/json" ||
			auth != "Bearer "+token {
			t.Errorf("%+v, %+v\n got %s\nwant %s", receipt, e, got, want)
		}
	}
}

// odd is the error for an answer that is not the protocol's.
func odd(status int) logout.Error {
	return logout.Error{Reason: logout.UnexpectedResponse,
		Message: fmt.Sprintf("unexpected response to Global Token Revocation (HTTP %d); check the endpoint", status)}
}

// Each status has a meaning, with and without a body.
func TestAnswers(t *testing.T) {
	const page = "<html>"
	for _, tc := range []struct {
		status int
		body   string
		want   logout.Error
	}{
		{400, `{"error":"invalid_request","error_description":"unknown format"}`,
			logout.Error{Reason: logout.BadRequest, Code: "invalid_request", Message: "unknown format"}},
		{400, "", odd(400)},
		{400, page, odd(400)},
		{400, `{"message":"blocked"}`, odd(400)},
		{401, `{"error":"invalid_token"}`,
			logout.Error{Reason: logout.Unauthorized, ProviderWide: true, Code: "invalid_token",
				Message: "the service does not accept the credentials (HTTP 401, invalid_token)"}},
		{403, `{"error":"insufficient_scope"}`,
			logout.Error{Reason: logout.Unauthorized, Code: "insufficient_scope",
				Message: "the service does not accept the credentials (HTTP 403, insufficient_scope)"}},
		{404, "", logout.Error{Reason: logout.NotFound, Message: "the service answered HTTP 404"}},
		{404, `{"error":"user_not_found"}`,
			logout.Error{Reason: logout.NotFound, Code: "user_not_found",
				Message: "the service answered HTTP 404, user_not_found"}},
		{404, page, odd(404)},
		{404, "404 page not found\n", odd(404)},
		{405, "", odd(405)},
		{404, `{"message":"no route"}`, odd(404)},
		{422, `{"error":"not_possible","error_description":"this account cannot be logged out"}`,
			logout.Error{Reason: logout.BadRequest, Code: "not_possible",
				Message: "this account cannot be logged out"}},
		{422, `{"error_description":"this account cannot be logged out"}`,
			logout.Error{Reason: logout.UnexpectedResponse, Message: odd(422).Message,
				Words: "this account cannot be logged out"}},
		{200, `{"error":"x"}`, logout.Error{Reason: logout.UnexpectedResponse, Code: "x", Unconfirmed: true,
			Message: "unexpected response to Global Token Revocation (HTTP 200, x), which does not confirm the logout: " +
				"the user may be logged out or not; if the service documents it as success, add 200 to acceptedStatusCodes"}},
		{202, "", logout.Error{Reason: logout.UnexpectedResponse, Unconfirmed: true,
			Message: "unexpected response to Global Token Revocation (HTTP 202), which does not confirm the logout: " +
				"the user may be logged out or not; if the service documents it as success, add 202 to acceptedStatusCodes"}},
		{202, page, odd(202)},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Request-Id", "r-1")
			w.WriteHeader(tc.status)
			_, _ = io.WriteString(w, tc.body)
		}))
		_, e := attempt(t, server.URL, Opaque, "jane")
		server.Close()
		tc.want.HTTPStatusCode, tc.want.RequestID = tc.status, "r-1"
		if e == nil || *e != tc.want {
			t.Errorf("%d %s\n got %+v\nwant %+v", tc.status, tc.body, e, tc.want)
		}
	}
}

// With any status, codes that concern the credentials or the service's state
// say nothing final about a user.
func TestCodesThatAreNeverFinal(t *testing.T) {
	for code, want := range map[string]logout.Reason{
		"access_denied":                    logout.Unauthorized,
		"expired_token":                    logout.Unauthorized,
		"insufficient_scope":               logout.Unauthorized,
		"insufficient_user_authentication": logout.Unauthorized,
		"invalid_client":                   logout.Unauthorized,
		"invalid_dpop_proof":               logout.Unauthorized,
		"invalid_scope":                    logout.Unauthorized,
		"invalid_token":                    logout.Unauthorized,
		"unauthorized_client":              logout.Unauthorized,
		"use_dpop_nonce":                   logout.Unauthorized,
		"server_error":                     logout.ServiceFailure,
		"slow_down":                        logout.Throttled,
		"temporarily_unavailable":          logout.ServiceUnavailable,
	} {
		for _, status := range []int{400, 404, 422} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				fmt.Fprintf(w, `{"error":%q}`, code)
			}))
			_, e := attempt(t, server.URL, Opaque, "jane")
			server.Close()
			if e == nil || e.Reason != want || e.Reason.Class() == logout.Permanent || e.Code != code {
				t.Errorf("%d %s: %+v", status, code, e)
			}
			if e != nil && want == logout.Unauthorized && e.ProviderWide {
				t.Errorf("%d %s holds calls for all", status, code)
			}
		}
	}
}

// The token is sent to the endpoint only.
func TestRedirectIsNotFollowed(t *testing.T) {
	var strangers atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangers.Add(1) }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	if _, e := attempt(t, server.URL, Opaque, "jane"); e == nil || e.Reason != logout.UnexpectedResponse ||
		strangers.Load() != 0 {
		t.Errorf("%+v, and %d requests elsewhere", e, strangers.Load())
	}
}

func TestNewChecksTheConfiguration(t *testing.T) {
	const want = "token must consist of visible ASCII characters"
	if _, err := New(Config{Endpoint: httpcall.MustParseEndpoint("https://login.example")}); err == nil ||
		err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestAcceptedStatusCodes: other statuses confirm a logout only if the administrator says so, and never with a page, a
// body that says anything or half an answer.
func TestAcceptedStatusCodes(t *testing.T) {
	for _, tc := range []struct {
		accepted []int32
		status   int
		body     string
		length   int // that the answer promises; 0 for the body's
		want     bool
	}{
		{nil, 204, "", 0, true},
		{nil, 200, "", 0, false},
		{[]int32{200, 202}, 204, "", 0, false},
		{[]int32{200, 202}, 200, "", 0, true},
		{[]int32{200, 202}, 202, " {} ", 0, true},
		{[]int32{200, 202}, 202, `{"status":"accepted"}`, 0, false},
		{[]int32{200, 202}, 200, `{"error":"user_not_found"}`, 0, false},
		{[]int32{200, 202}, 200, `{"success":false}`, 0, false},
		{[]int32{200, 202}, 200, "null", 0, false},
		{[]int32{200, 202}, 200, "<html>", 0, false},
		{[]int32{200, 202}, 200, "ok", 0, false},
		{[]int32{200, 202}, 200, "[]", 0, false},
		{[]int32{200, 202}, 200, "{}", 10, false},
		{[]int32{200, 202}, 200, "", 10, false},
		{[]int32{200, 202}, 201, "", 0, false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if tc.length > 0 {
				w.Header().Set("Content-Length", strconv.Itoa(tc.length))
			}
			w.WriteHeader(tc.status)
			_, _ = io.WriteString(w, tc.body)
		}))
		c, err := New(Config{Endpoint: httpcall.MustParseEndpoint(server.URL), Subject: Opaque, Accepted: tc.accepted,
			Auth: bearer.Config{Token: token}})
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := c.Logout(t.Context(), "tenant", "jane")
		if e := logouttest.Failure(t, err, token); (e == nil) != tc.want ||
			tc.want && receipt.HTTPStatusCode != tc.status || !tc.want && e.Reason.Class() == logout.Permanent {
			t.Errorf("%+v: %+v, %+v", tc, receipt, e)
		}
		c.Close()
		server.Close()
	}
}
