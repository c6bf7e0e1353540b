package httpcall

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/logout-operator/logout-operator/internal/logout"
	"github.com/logout-operator/logout-operator/internal/logout/logouttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Call sends one request, follows no redirect and reads within limits.
func TestCall(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusTemporaryRedirect)
		_, _ = w.Write(make([]byte, 3*MaxBody))
	}))
	w := NewWire(TLS{})
	defer w.Close()
	request := func() *http.Request {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	a, err := w.Call(request())
	if err != nil || a.Status != 307 || len(a.Body) != MaxBody || a.Header.Get("Location") != "/elsewhere" ||
		time.Since(a.At) > time.Minute {
		t.Errorf("%+v, %v", a, err)
	}
	server.Close()
	_, err = w.Call(request())
	e, ok := errors.AsType[*logout.Error](err)
	if !ok || *e != (logout.Error{Reason: logout.EndpointUnreachable, ProviderWide: true,
		Message: "connection refused"}) {
		t.Errorf("%+v", err)
	}
}

const token = "eyJhbGciOiJSUzI1NiJ9.e30.EXAMPLE"

// The error contains what the answer says, unless that repeats a credential.
func TestFailure(t *testing.T) {
	for name, tc := range map[string]struct {
		status  int
		header  http.Header
		finding Finding
		want    logout.Error
	}{
		"words of the service": {404, nil,
			Finding{Reason: logout.NotFound, Code: "user_missing", Message: "no\x00 user", RequestID: "r-1"},
			logout.Error{Reason: logout.NotFound, Code: "user_missing", Message: "no user", RequestID: "r-1"}},
		"no words": {500, nil, Finding{Reason: logout.ServiceFailure, Code: "not a token", RequestID: "<b>"},
			logout.Error{Reason: logout.ServiceFailure, Message: "the service answered HTTP 500"}},
		"token in the message": {400, nil,
			Finding{Reason: logout.BadRequest, Message: "odd " + token, Secrets: []string{token}},
			logout.Error{Reason: logout.BadRequest, Message: "the service answered HTTP 400"}},
		"token as code and ID": {400, nil,
			Finding{Reason: logout.BadRequest, Code: token, RequestID: "r-" + token, Message: "odd",
				Secrets: []string{"", token}},
			logout.Error{Reason: logout.BadRequest, Message: "odd"}},
		"a header of the request": {400, nil, Finding{Reason: logout.BadRequest, Message: "Bearer x is odd"},
			logout.Error{Reason: logout.BadRequest, Message: "the service answered HTTP 400"}},
		"credentials": {401, nil,
			Finding{Reason: logout.Unauthorized, ProviderWide: true, Code: "invalid_token", Message: "who are you"},
			logout.Error{Reason: logout.Unauthorized, ProviderWide: true, Code: "invalid_token",
				Message: "the service does not accept the credentials (HTTP 401, invalid_token)", Words: "who are you"}},
		"credentials, quoted": {401, nil,
			Finding{Reason: logout.Unauthorized, Message: "odd " + token, Secrets: []string{token}},
			logout.Error{Reason: logout.Unauthorized,
				Message: "the service does not accept the credentials (HTTP 401)"}},
		"another service": {200, nil, Finding{Reason: logout.UnexpectedResponse, Operation: "Logout"},
			logout.Error{Reason: logout.UnexpectedResponse,
				Message: "unexpected response to Logout (HTTP 200); check the endpoint"}},
		"another success": {202, nil, Finding{Reason: logout.UnexpectedResponse, Operation: "Logout", LogsOut: true},
			logout.Error{Reason: logout.UnexpectedResponse, Unconfirmed: true,
				Message: "unexpected response to Logout (HTTP 202), which does not confirm the logout: " +
					"the user may be logged out or not; check the endpoint"}},
		"another success, and what to do": {202, nil,
			Finding{Reason: logout.UnexpectedResponse, Operation: "Logout", LogsOut: true, NextStep: "accept it"},
			logout.Error{Reason: logout.UnexpectedResponse, Unconfirmed: true,
				Message: "unexpected response to Logout (HTTP 202), which does not confirm the logout: " +
					"the user may be logged out or not; accept it"}},
		"a proxy's page": {200, http.Header{"Content-Type": {"Text/HTML"}},
			Finding{Reason: logout.UnexpectedResponse, Operation: "Logout", LogsOut: true},
			logout.Error{Reason: logout.UnexpectedResponse,
				Message: "unexpected response to Logout (HTTP 200); check the endpoint"}},
		"a move": {302, nil, Finding{Reason: logout.UnexpectedResponse, Operation: "Logout", LogsOut: true},
			logout.Error{Reason: logout.UnexpectedResponse,
				Message: "unexpected response to Logout (HTTP 302); check the endpoint"}},
		"another realm": {404, nil,
			Finding{Reason: logout.UnexpectedResponse, Operation: "Logout", Message: strings.Repeat("é", 300)},
			logout.Error{Reason: logout.UnexpectedResponse,
				Message: "unexpected response to Logout (HTTP 404); check the endpoint",
				Words:   strings.Repeat("é", 255) + "…"}},
		"always of the whole provider": {429, http.Header{"Retry-After": {"7"}}, Finding{Reason: logout.Throttled},
			logout.Error{Reason: logout.Throttled, ProviderWide: true, RetryAfter: 7 * time.Second,
				Message: "the service answered HTTP 429"}},
		"the longer of two hints": {429, http.Header{"Retry-After": {"7"}},
			Finding{Reason: logout.Throttled, RetryAfter: 9 * time.Second},
			logout.Error{Reason: logout.Throttled, ProviderWide: true, RetryAfter: 9 * time.Second,
				Message: "the service answered HTTP 429"}},
		"the end of a limit": {429,
			http.Header{"Ratelimit-Remaining": {"0"}, "Ratelimit-Reset": {"7"}}, Finding{Reason: logout.Throttled},
			logout.Error{Reason: logout.Throttled, ProviderWide: true, RetryAfter: 7 * time.Second,
				Message: "the service answered HTTP 429"}},
		"a limit that is not the reason": {500,
			http.Header{"Ratelimit-Remaining": {"0"}, "Ratelimit-Reset": {"7"}}, Finding{Reason: logout.ServiceFailure},
			logout.Error{Reason: logout.ServiceFailure, Message: "the service answered HTTP 500"}},
		"a hint in another era": {429, nil, Finding{Reason: logout.Throttled, RetryAfter: 1e6 * time.Hour},
			logout.Error{Reason: logout.Throttled, ProviderWide: true, RetryAfter: logout.MaxRetryAfter,
				Message: "the service answered HTTP 429"}},
		"a hint of the past": {429, nil, Finding{Reason: logout.Throttled, RetryAfter: -time.Hour},
			logout.Error{Reason: logout.Throttled, ProviderWide: true, Message: "the service answered HTTP 429"}},
		"no hint for what is final": {403, http.Header{"Retry-After": {"7"}},
			Finding{Reason: logout.Forbidden, RetryAfter: time.Second, Message: strings.Repeat("é", 300)},
			logout.Error{Reason: logout.Forbidden, Message: strings.Repeat("é", 255) + "…"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := (&Response{Status: tc.status, Header: tc.header, At: time.Now()}).Failure(tc.finding)
			tc.want.HTTPStatusCode = tc.status
			if *got != tc.want {
				t.Errorf("\n got %+v\nwant %+v", *got, tc.want)
			}
			logouttest.CheckFit(t, got)
			logouttest.CheckSecrets(t, got, token)
		})
	}
}

func TestReasonOf(t *testing.T) {
	for status, want := range map[int]logout.Reason{
		200: logout.UnexpectedResponse, 302: logout.UnexpectedResponse, 400: logout.UnexpectedResponse,
		401: logout.Unauthorized, 403: logout.UnexpectedResponse, 404: logout.UnexpectedResponse,
		408: logout.ServiceFailure, 422: logout.UnexpectedResponse, 429: logout.Throttled,
		500: logout.ServiceFailure, 503: logout.ServiceUnavailable, 599: logout.ServiceFailure,
		600: logout.UnexpectedResponse,
	} {
		if got := ReasonOf(status); got != want {
			t.Errorf("%d: %s, want %s", status, got, want)
		}
	}
	for status := range 1000 {
		if got := ReasonOf(status); got.Class() == logout.Permanent {
			t.Errorf("%d by itself is final: %s", status, got)
		}
	}
}
