package kratos

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
	"github.com/logout-operator/logout-operator/internal/logout/logouttest"
)

// TestContract in test/harness/providertest tests what every client has to do. The
// tests in test/kratos run Kratos itself, to show that it answers like this.

const (
	project  = "kratos.example"
	identity = "9f425a8d-7efc-4768-8f23-7647a74fdf13"
	token    = "ory_pat_EXAMPLE"
	notFound = `{"error":{"code":404,"status":"Not Found","message":"Unable to locate the resource"}}`
	noRule   = `{"error":{"code":404,"status":"Not Found","message":"Requested url does not match any rules"}}`
	known    = `{"id":"` + identity + `","schema_id":"default","traits":{}}`
	page     = `<!DOCTYPE html><title>Welcome</title>`
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answer is the answer to a request.
type answer struct {
	status int
	body   string
	header http.Header
}

// service answers the logout and the request for the identity, and keeps the
// requests.
type service struct {
	*httptest.Server
	mu   sync.Mutex
	sent []string
}

func newService(t *testing.T, logout, identity answer) *service {
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.sent = append(s.sent, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		s.mu.Unlock()
		a := identity
		if r.Method == http.MethodDelete {
			a = logout
		}
		for name, values := range a.header {
			w.Header()[name] = values
		}
		if a.status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(a.status)
		if a.status != http.StatusNoContent {
			fmt.Fprint(w, a.body)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// requests returns the requests so far, without a GET that follows an equal
// one, because net/http may retry a GET.
func (s *service) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.CompactFunc(slices.Clone(s.sent),
		func(a, b string) bool { return a == b && strings.HasPrefix(a, "GET") })
}

func attempt(t *testing.T, config Config) (logout.Receipt, *logout.Error) {
	t.Helper()
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	receipt, err := c.Logout(t.Context(), project, identity)
	return receipt, logouttest.Failure(t, err, token)
}

// A 404 of Kratos means "no session left" or "no such identity". The answer to
// a second request decides which. If it does not, neither is reported.
func TestNotFoundHasTwoMeanings(t *testing.T) {
	for name, tc := range map[string]struct {
		identity answer
		want     logout.Error // with the reason "" if it is logged out
	}{
		"no session left": {answer{status: 200, body: known}, logout.Error{}},
		"a large identity": {answer{status: 200,
			body: known[:len(known)-1] + `,"x":"` + strings.Repeat("x", 1<<20) + `"}`}, logout.Error{}},
		"the ID comes late": {answer{status: 200, body: `{"traits":{"id":{}},"a":[{"id":1}],"id":"` + identity + `"}`},
			logout.Error{}},
		"no such identity": {answer{status: 404, body: notFound},
			logout.Error{Reason: logout.NotFound, HTTPStatusCode: 404, Message: "Unable to locate the resource"}},
		"500": {answer{status: 500, body: `{"error":{"code":500,"message":"oops"}}`},
			logout.Error{Reason: logout.ServiceFailure, HTTPStatusCode: 500, Message: "oops"}},
		"503": {answer{status: 503, header: http.Header{"Retry-After": {"7"}}},
			logout.Error{Reason: logout.ServiceUnavailable, ProviderWide: true, HTTPStatusCode: 503,
				RetryAfter: 7 * time.Second, Message: "the service answered HTTP 503"}},
		"429": {answer{status: 429, header: http.Header{"Retry-After": {"7"}},
			body: `{"error":{"code":429,"message":"slow down"}}`},
			logout.Error{Reason: logout.Throttled, ProviderWide: true, HTTPStatusCode: 429, RetryAfter: 7 * time.Second,
				Message: "slow down"}},
		"401": {answer{status: 401},
			logout.Error{Reason: logout.Unauthorized, ProviderWide: true, HTTPStatusCode: 401,
				Message: "the service does not accept the credentials (HTTP 401)"}},
		"403, where only reading is forbidden": {answer{status: 403, body: page},
			logout.Error{Reason: logout.Unauthorized, HTTPStatusCode: 403,
				Message: "the service does not accept the credentials (HTTP 403)"}},
		"no answer": {answer{},
			logout.Error{Reason: logout.EndpointUnreachable,
				Message: "connection closed before a valid HTTP response arrived"}},
		"404 of Ory's proxy, which has no rule for the path": {answer{status: 404, body: noRule},
			logout.Error{Reason: logout.UnexpectedResponse, HTTPStatusCode: 404, Message: odd(404).Message,
				Words: "Requested url does not match any rules"}},
		"a page of 404":          {answer{status: 404, body: page}, odd(404)},
		"a page":                 {answer{status: 200, body: page}, odd(200)},
		"no object":              {answer{status: 200, body: `[` + known + `]`}, odd(200)},
		"no ID":                  {answer{status: 200, body: `{"traits":{"id":"x"}}`}, odd(200)},
		"another form of the ID": {answer{status: 200, body: `{"id":"` + strings.ToUpper(identity) + `"}`}, logout.Error{}},
		"another identity":       {answer{status: 200, body: `{"id":"00000000-0000-4000-8000-000000000000"}`}, odd(200)},
		"an ID in an error":      {answer{status: 200, body: `{"id":"x","error":"blocked by policy"}`}, odd(200)},
		"an empty ID":            {answer{status: 200, body: `{"id":""}`}, odd(200)},
		"an ID of a sort":        {answer{status: 200, body: `{"id":1}`}, odd(200)},
		"broken before ID":       {answer{status: 200, body: `{"a":{"b":`}, odd(200)},
		"nothing":                {answer{status: 200}, odd(200)},
		"204":                    {answer{status: 204}, odd(204)},
		"201":                    {answer{status: 201, body: known}, odd(201)},
		"redirect":               {answer{status: 307, header: http.Header{"Location": {"/elsewhere"}}}, odd(307)},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, answer{status: 404, body: notFound}, tc.identity)
			receipt, e := attempt(t, Config{Endpoint: httpcall.MustParseEndpoint(s.URL + "/base/"), Token: token})
			switch {
			case tc.want.Reason == "" && (e != nil || receipt != logout.Receipt{HTTPStatusCode: 200}):
				t.Errorf("%+v, %+v", receipt, e)
			case tc.want.Reason != "" && (e == nil || *e != tc.want):
				t.Errorf("\n got %+v\nwant %+v", e, tc.want)
			}
			path := " /base/admin/identities/" + identity
			want := []string{"DELETE" + path + "/sessions Bearer " + token, "GET" + path + " Bearer " + token}
			if sent := s.requests(); !slices.Equal(sent, want) {
				t.Errorf("sent %q", sent)
			}
		})
	}
}

func odd(status int) logout.Error {
	return logout.Error{Reason: logout.UnexpectedResponse, HTTPStatusCode: status,
		Message: fmt.Sprintf("unexpected response to getIdentity (HTTP %d); check the endpoint", status)}
}

// Only Kratos's own messages are final. The client requests the identity only
// if Kratos found nothing.
func TestOnlyKratosIsFinal(t *testing.T) {
	for name, tc := range map[string]struct {
		logout answer
		want   logout.Reason
	}{
		"400 of Ory's proxy": {answer{status: 400, body: `{"error":{"code":400,"message":"blocked"}}`},
			logout.UnexpectedResponse},
		"a balancer's 400": {answer{status: 400, body: page}, logout.UnexpectedResponse},
		"another code":     {answer{status: 400, body: `{"error":{"code":500}}`}, logout.UnexpectedResponse},
		"another form": {answer{status: 400, body: `{"error":"invalid_request"}`},
			logout.UnexpectedResponse},
		"405":               {answer{status: 405}, logout.UnexpectedResponse},
		"a page of 404":     {answer{status: 404, body: page}, logout.UnexpectedResponse},
		"404 of httprouter": {answer{status: 404, body: "404 page not found\n"}, logout.UnexpectedResponse},
		"404 of another API": {answer{status: 404, body: `{"code":404,"message":"not found"}`},
			logout.UnexpectedResponse},
		"404 of Ory's proxy": {answer{status: 404, body: noRule}, logout.UnexpectedResponse},
		"the public API": {answer{status: 403,
			body: `{"error":{"id":"security_csrf_violation","code":403,"message":"rejected"}}`},
			logout.UnexpectedResponse},
		"a proxy that forbids":     {answer{status: 403}, logout.Unauthorized},
		"a confirmation by a page": {answer{status: 200, body: page}, logout.UnexpectedResponse},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, tc.logout, answer{status: 200, body: known})
			_, e := attempt(t, Config{Endpoint: httpcall.MustParseEndpoint(s.URL)})
			if e == nil || e.Reason != tc.want || e.HTTPStatusCode != tc.logout.status {
				t.Errorf("%+v", e)
			}
			if want := []string{"DELETE /admin/identities/" + identity +
				"/sessions "}; !slices.Equal(s.requests(), want) {
				t.Errorf("sent %q", s.requests())
			}
		})
	}
}

// Kratos answers 400 for an ID that is no UUID.
func TestNoUUID(t *testing.T) {
	s := newService(t, answer{status: 400, body: `{"error":{"code":400,"message":"uuid: incorrect UUID length"}}`}, answer{})
	c, err := New(Config{Endpoint: httpcall.MustParseEndpoint(s.URL)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Logout(t.Context(), project, "jane@example.com")
	if e := logouttest.Failure(t, err); e.Reason != logout.BadRequest {
		t.Errorf("%+v", e)
	}
}

// A proxy may forbid a single ID or path, but accepts a token for all requests
// or for none.
func TestForbiddenConcernsOneIdentity(t *testing.T) {
	for status, want := range map[int]bool{http.StatusUnauthorized: true, http.StatusForbidden: false} {
		for _, body := range []string{"", page, fmt.Sprintf(`{"error":{"code":%d}}`, status)} {
			s := newService(t, answer{status: status, body: body}, answer{})
			_, e := attempt(t, Config{Endpoint: httpcall.MustParseEndpoint(s.URL), Token: token})
			if e == nil || e.Reason != logout.Unauthorized || e.ProviderWide != want {
				t.Errorf("%d %s: %+v", status, body, e)
			}
		}
	}
}

func TestErrorIsQuoted(t *testing.T) {
	s := newService(t, answer{status: 500,
		body: `{"error":{"id":"self_service_error","code":500,"request":"d7ef54b1","reason":"the reason","message":"the message"}}`},
		answer{})
	_, e := attempt(t, Config{Endpoint: httpcall.MustParseEndpoint(s.URL)})
	want := logout.Error{Reason: logout.ServiceFailure, HTTPStatusCode: 500, Code: "self_service_error",
		RequestID: "d7ef54b1", Message: "the reason"}
	if e == nil || *e != want {
		t.Errorf("%+v", e)
	}
}

func TestNewChecksTheConfiguration(t *testing.T) {
	for _, tc := range []struct{ token, want string }{
		{"two words", "token must consist of visible ASCII characters"},
		{"Zoë", "token must consist of visible ASCII characters"},
	} {
		if _, err := New(Config{Endpoint: httpcall.MustParseEndpoint("https://kratos.example"),
			Token: tc.token}); err == nil || err.Error() != tc.want {
			t.Errorf("%+v: %v", tc, err)
		}
	}
}
