package chime

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/logout-operator/logout-operator/internal/logout"
)

const page = `<!DOCTYPE html><html><head><title>Secret page</title></head></html>`

// Every answer of the protocol, and answers of other servers, over HTTP.
func TestAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		header map[string]string
		body   string
		want   logout.Error // RequestID is checked separately
	}{
		"bad request": {400, map[string]string{"X-Amzn-ErrorType": "BadRequestException"},
			`{"Code":"BadRequest","Message":"no such account format"}`,
			logout.Error{Reason: logout.BadRequest, Code: "BadRequestException", Message: "no such account format"}},
		"400 without a code": {400, nil, "",
			logout.Error{Reason: logout.UnexpectedResponse,
				Message: "unexpected response to LogoutUser (HTTP 400); check the endpoint"}},
		"validation error": {400, nil, `{"__type":"ValidationError","message":"x"}`,
			logout.Error{Reason: logout.BadRequest, Code: "ValidationError", Message: "x"}},
		"other 4xx": {418, nil, `{"Code":"Teapot"}`,
			logout.Error{Reason: logout.UnexpectedResponse, Code: "Teapot",
				Message: "unexpected response to LogoutUser (HTTP 418, Teapot); check the endpoint"}},
		"not found": {404, nil, `{"Code":"NotFound","Message":"no user"}`,
			logout.Error{Reason: logout.NotFound, Code: "NotFound", Message: "no user"}},
		"not found, header before body": {404,
			map[string]string{"X-Amzn-ErrorType": "NotFoundException:http://internal.amazon.com/"},
			`{"Code":"ServiceFailure"}`,
			logout.Error{Reason: logout.NotFound, Code: "NotFoundException",
				Message: "the service answered HTTP 404, NotFoundException"}},
		"not found, header and page": {404, map[string]string{"X-Amzn-ErrorType": "NotFoundException"}, page,
			logout.Error{Reason: logout.NotFound, Code: "NotFoundException",
				Message: "the service answered HTTP 404, NotFoundException"}},
		"not found, type with namespace": {404, nil,
			`{"__type":"com.amazonaws.chime#NotFoundException","message":"no user"}`,
			logout.Error{Reason: logout.NotFound, Code: "NotFoundException", Message: "no user"}},
		"not found, lower-case fields": {404, nil, `{"code":"NotFoundException","message":"no user"}`,
			logout.Error{Reason: logout.NotFound, Code: "NotFoundException", Message: "no user"}},
		"not found, at a status that it cannot come with": {407, nil, `{"Code":"NotFound","Message":"no user"}`,
			logout.Error{Reason: logout.UnexpectedResponse, Code: "NotFound",
				Message: "unexpected response to LogoutUser (HTTP 407, NotFound); check the endpoint", Words: "no user"}},
		"404 page": {404, nil, page,
			logout.Error{Reason: logout.UnexpectedResponse,
				Message: "unexpected response to LogoutUser (HTTP 404); check the endpoint"}},
		"404, unknown code": {404, nil, `{"Code":"NoSuchBucket","Message":"x"}`,
			logout.Error{Reason: logout.UnexpectedResponse, Code: "NoSuchBucket",
				Message: "unexpected response to LogoutUser (HTTP 404, NoSuchBucket); check the endpoint", Words: "x"}},
		"404, unknown operation": {404, nil, `{"__type":"com.amazon.coral.service#UnknownOperationException"}`,
			logout.Error{Reason: logout.UnexpectedResponse, Code: "UnknownOperationException",
				Message: "unexpected response to LogoutUser (HTTP 404, UnknownOperationException); check the endpoint"}},
		"forbidden": {403, nil, `{"Code":"ForbiddenException","Message":"permanently forbidden"}`,
			logout.Error{Reason: logout.Forbidden, Code: "ForbiddenException", Message: "permanently forbidden"}},
		"forbidden page": {403, nil, page,
			logout.Error{Reason: logout.UnexpectedResponse,
				Message: "unexpected response to LogoutUser (HTTP 403); check the endpoint"}},
		"unauthorized": {401, map[string]string{"Retry-After": "9"},
			`{"Code":"UnauthorizedClient","Message":"not currently authorized"}`,
			logout.Error{Reason: logout.Unauthorized, RetryAfter: 9 * time.Second, Code: "UnauthorizedClient",
				Message: "the service does not accept the credentials (HTTP 401, UnauthorizedClient)",
				Words:   "not currently authorized"}},
		"unauthorized by status": {401, nil, "",
			logout.Error{Reason: logout.Unauthorized,
				Message: "the service does not accept the credentials (HTTP 401)"}},
		"access denied at 403": {403, map[string]string{"X-Amzn-ErrorType": "AccessDeniedException"},
			`{"Message":"User: arn:aws:iam::1:user/x is not authorized"}`,
			logout.Error{Reason: logout.Unauthorized, Code: "AccessDeniedException",
				Message: "the service does not accept the credentials (HTTP 403, AccessDeniedException)",
				Words:   "User: arn:aws:iam::1:user/x is not authorized"}},
		"throttled": {429, map[string]string{"Retry-After": "17"}, `{"Code":"ThrottledClient","Message":"slow down"}`,
			logout.Error{Reason: logout.Throttled, ProviderWide: true, RetryAfter: 17 * time.Second,
				Code: "ThrottledClient", Message: "slow down"}},
		"throttled until a date": {429,
			map[string]string{"Retry-After": "Fri, 20 Feb 2026 10:00:30 GMT", "Date": "Fri, 20 Feb 2026 10:00:00 GMT"},
			"",
			logout.Error{Reason: logout.Throttled, ProviderWide: true, RetryAfter: 30 * time.Second,
				Message: "the service answered HTTP 429"}},
		"throttled at 400": {400, map[string]string{"X-Amzn-ErrorType": "ThrottlingException"},
			`{"message":"Rate exceeded"}`,
			logout.Error{Reason: logout.Throttled, ProviderWide: true, Code: "ThrottlingException",
				Message: "Rate exceeded"}},
		"service failure": {500, nil, `{"Code":"ServiceFailureException","Message":"oops"}`,
			logout.Error{Reason: logout.ServiceFailure, Code: "ServiceFailureException", Message: "oops"}},
		"gateway's page": {502, map[string]string{"Content-Type": "text/html"}, page,
			logout.Error{Reason: logout.ServiceFailure, Message: "the service answered HTTP 502"}},
		"garbage": {500, map[string]string{"Content-Type": "application/json"}, `{"Code":"NotFound","Message":`,
			logout.Error{Reason: logout.ServiceFailure, Message: "the service answered HTTP 500"}},
		"fields of other types": {500, nil, `{"Code":404,"code":null,"__type":["NotFound"],"Message":{}}`,
			logout.Error{Reason: logout.ServiceFailure, Message: "the service answered HTTP 500"}},
		"not an object": {500, nil, `["NotFound"]`,
			logout.Error{Reason: logout.ServiceFailure, Message: "the service answered HTTP 500"}},
		"malformed header, good body": {500, map[string]string{"X-Amzn-ErrorType": "<b>Not Found</b>"},
			`{"Code":"ServiceUnavailable"}`,
			logout.Error{Reason: logout.ServiceUnavailable, ProviderWide: true, Code: "ServiceUnavailable",
				Message: "the service answered HTTP 500, ServiceUnavailable"}},
		"unavailable": {503, map[string]string{"Retry-After": "3"}, page,
			logout.Error{Reason: logout.ServiceUnavailable, ProviderWide: true, RetryAfter: 3 * time.Second,
				Message: "the service answered HTTP 503"}},
		"request timeout": {408, nil, "",
			logout.Error{Reason: logout.ServiceFailure, Message: "the service answered HTTP 408"}},
		"request timeout by code": {400, nil, `{"Code":"RequestTimeoutException"}`,
			logout.Error{Reason: logout.ServiceFailure, Code: "RequestTimeoutException",
				Message: "the service answered HTTP 400, RequestTimeoutException"}},
		"200": {200, nil, page,
			logout.Error{Reason: logout.UnexpectedResponse,
				Message: "unexpected response to LogoutUser (HTTP 200); check the endpoint"}},
		"200 with an error": {200, map[string]string{"X-Amzn-ErrorType": "NotFoundException"},
			`{"Code":"NotFound","Message":"x"}`,
			logout.Error{Reason: logout.UnexpectedResponse, Unconfirmed: true, Message: unconfirmed(200)}},
		"201": {201, nil, "",
			logout.Error{Reason: logout.UnexpectedResponse, Unconfirmed: true, Message: unconfirmed(201)}},
		"202 with Retry-After": {202, map[string]string{"Retry-After": "60"}, "",
			logout.Error{Reason: logout.UnexpectedResponse, RetryAfter: time.Minute, Unconfirmed: true,
				Message: unconfirmed(202)}},
		"code beyond 599": {777, nil, "",
			logout.Error{Reason: logout.UnexpectedResponse,
				Message: "unexpected response to LogoutUser (HTTP 777); check the endpoint"}},
		"final, so no Retry-After": {404, map[string]string{"Retry-After": "60"},
			`{"Code":"NotFound","Message":"no user"}`,
			logout.Error{Reason: logout.NotFound, Code: "NotFound", Message: "no user"}},
	} {
		t.Run(name, func(t *testing.T) {
			server, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range tc.header {
					w.Header().Set(k, v)
				}
				w.Header().Set("x-amzn-RequestId", "3f1c-77")
				w.WriteHeader(tc.status)
				fmt.Fprint(w, tc.body)
			})
			_, got := attempt(t, newClient(t, server.URL))
			tc.want.HTTPStatusCode, tc.want.RequestID = tc.status, "3f1c-77"
			if got == nil || *got != tc.want {
				t.Errorf("\n got %+v\nwant %+v", got, tc.want)
			}
			if n := requests.Load(); n != 1 {
				t.Errorf("%d requests on the wire", n)
			}
		})
	}
}

func TestLoggedOut(t *testing.T) {
	for name, header := range map[string]string{
		"documented": "x-amzn-RequestId",
		"other":      "x-amz-request-id",
		"none":       "X-Other",
	} {
		t.Run(name, func(t *testing.T) {
			server, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set(header, "3f1c-77")
				w.WriteHeader(http.StatusNoContent)
			})
			want := logout.Receipt{HTTPStatusCode: 204, RequestID: "3f1c-77"}
			if name == "none" {
				want.RequestID = ""
			}
			if got, err := attempt(t, newClient(t, server.URL)); err != nil || got != want {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
			if n := requests.Load(); n != 1 {
				t.Errorf("%d requests on the wire", n)
			}
		})
	}
}

// A 204 has no body, whatever follows it (RFC 9110, section 15.3.5).
func TestLoggedOutWithBody(t *testing.T) {
	log.SetOutput(io.Discard) // net/http logs what follows
	defer log.SetOutput(os.Stderr)
	endpoint := serveConn(t, func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello")
		}
	})
	if receipt, e := attempt(t, newClient(t, endpoint)); e != nil || receipt != (logout.Receipt{HTTPStatusCode: 204}) {
		t.Errorf("%+v, %+v", receipt, e)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, status := range []int{300, 301, 302, 303, 304, 307, 308} {
		for _, location := range []string{"/elsewhere", "https://other.example/", "http://[malformed", ""} {
			t.Run(fmt.Sprint(status, location), func(t *testing.T) {
				server, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) {
					if location != "" {
						w.Header().Set("Location", location)
					}
					w.WriteHeader(status)
				})
				_, e := attempt(t, newClient(t, server.URL))
				if e == nil || e.Reason != logout.UnexpectedResponse || e.HTTPStatusCode != status {
					t.Errorf("got %+v", e)
				}
				if n := requests.Load(); n != 1 {
					t.Errorf("%d requests on the wire", n)
				}
			})
		}
	}
}

// A connection is reused after an error whose body was read completely.
func TestConnectionsAreKept(t *testing.T) {
	addresses := map[string]bool{}
	server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		addresses[r.RemoteAddr] = true
		http.Error(w, strings.Repeat("x", 10_000), http.StatusTooManyRequests)
	})
	c := newClient(t, server.URL)
	for range 3 {
		if _, e := attempt(t, c); e == nil || e.Reason != logout.Throttled {
			t.Errorf("got %+v", e)
		}
	}
	if len(addresses) != 1 {
		t.Errorf("%d connections for 3 calls, one after the other", len(addresses))
	}
}

// Messages contain the text of an answer cleaned, shortened, and without any
// part of the request that the service may repeat.
func TestMessages(t *testing.T) {
	for name, tc := range map[string]struct{ said, want string }{
		"control characters": {"no\x1b[31m\r\n\tsuch\x00 \u202e user", "no [31m such user"},
		"invalid UTF-8":      {"no \xff user", "no \ufffd user"},
		"long":               {strings.Repeat("é", 300), strings.Repeat("é", 255) + "…"},
		"at the bound":       {strings.Repeat("é", 256), strings.Repeat("é", 256)},
		"blank":              {"\n \t", "the service answered HTTP 500"},
		"session token":      {"token " + keys.SessionToken + " unknown", "the service answered HTTP 500"},
		"string to sign": {"The String-to-Sign should have been 'AWS4-HMAC-SHA256…'",
			"the service answered HTTP 500"},
		"authorization": {"no equal sign in Authorization header: 'x'", "the service answered HTTP 500"},
	} {
		t.Run(name, func(t *testing.T) {
			server, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusInternalServerError)
				fmt.Fprintf(w, `{"Message":%s}`, quote(tc.said))
			})
			_, got := attempt(t, newClient(t, server.URL))
			if got == nil || got.Message != tc.want {
				t.Errorf("got %+v, want %q", got, tc.want)
			}
		})
	}
}

// No error contains a credential, even if the endpoint repeats the request.
func TestNothingSecretInErrors(t *testing.T) {
	for _, status := range []int{200, 400, 401, 403, 404, 408, 429, 500, 503} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var echo strings.Builder
			_ = r.Header.Write(&echo)
			w.Header().Set("X-Amzn-ErrorType", r.Header.Get("Authorization"))
			w.Header().Set("X-Amzn-Requestid", r.Header.Get("X-Amz-Security-Token"))
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"Code":%s,"Message":%s}`, quote(r.Header.Get("X-Amz-Security-Token")),
				quote(echo.String()))
		}))
		_, e := attempt(t, newClient(t, server.URL))
		server.Close()
		if e == nil {
			t.Fatalf("%d: no error", status)
		}
		all := fmt.Sprintf("%+v %s", *e, e)
		for _, secret := range []string{keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken, "AWS4-HMAC",
			"Authorization"} {
			if strings.Contains(all, secret) {
				t.Errorf("%d: %q is in %s", status, secret, all)
			}
		}
	}
}

// Both spellings of LogoutUser's own codes, and of those common to all AWS
// services, mean the same with any error status that they can come with.
func TestCodes(t *testing.T) {
	var code string
	var status int
	server, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-ErrorType", code)
		w.WriteHeader(status)
	})
	c := newClient(t, server.URL)
	for reason, list := range map[logout.Reason]string{
		logout.BadRequest:         "BadRequest ValidationError",
		logout.NotFound:           "NotFound",
		logout.Forbidden:          "Forbidden",
		logout.Unauthorized:       "UnauthorizedClient AccessDenied ExpiredToken NotAuthorized OptInRequired UnrecognizedClient InvalidClientTokenId IncompleteSignature RequestExpired SignatureDoesNotMatch MissingAuthenticationToken InvalidSignature RequestTimeTooSkewed",
		logout.Throttled:          "ThrottledClient Throttling TooManyRequests",
		logout.ServiceUnavailable: "ServiceUnavailable",
		logout.ServiceFailure:     "ServiceFailure InternalFailure RequestTimeout RequestAborted",
		logout.UnexpectedResponse: "UnknownOperation",
	} {
		for _, name := range strings.Fields(list) {
			for _, code = range []string{name, name + "Exception"} {
				statuses := []int{400, 403, 404}
				if reason.Class() != logout.Permanent {
					statuses = append(statuses, 401, 408, 429, 500, 503)
				}
				for _, status = range statuses {
					if _, got := attempt(t, c); got == nil || got.Reason != reason {
						t.Errorf("%s at %d: got %+v, want %s", code, status, got, reason)
					}
				}
			}
		}
	}
}

// quote returns s as JSON, and keeps bytes that are not UTF-8.
func quote(s string) string {
	if utf8.ValidString(s) {
		b, _ := json.Marshal(s)
		return string(b)
	}
	return `"` + s + `"`
}

// TestPageSetsNoClock checks that the Date of a page, which a proxy may have sent, does not change the dates of the
// signatures that follow.
func TestPageSetsNoClock(t *testing.T) {
	var dates []string
	server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		dates = append(dates, r.Header.Get("X-Amz-Date"))
		w.Header().Set("Date", time.Now().AddDate(10, 0, 0).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusBadGateway)
	})
	c := newClient(t, server.URL)
	for range 2 {
		if _, e := attempt(t, c); e == nil {
			t.Fatal("it succeeded")
		}
	}
	year := time.Now().UTC().Format("2006")
	for _, date := range dates {
		if !strings.HasPrefix(date, year) {
			t.Errorf("signed for %s", date)
		}
	}
	if len(dates) != 2 {
		t.Errorf("%d calls", len(dates))
	}
}

// unconfirmed is the message about a success that Chime does not document.
func unconfirmed(status int) string {
	return fmt.Sprintf("unexpected response to LogoutUser (HTTP %d), which does not confirm the logout: "+
		"the user may be logged out or not; check the endpoint", status)
}
