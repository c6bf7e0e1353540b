package chime

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// Both spellings of every code mean the same at any error status.
func TestCodes(t *testing.T) {
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
			for _, code := range []string{name, name + "Exception"} {
				for _, status := range []int{400, 401, 403, 404, 408, 429, 500, 503} {
					h := http.Header{"X-Amzn-Errortype": {code}}
					if got := classify(&answer{status: status, header: h}).Reason; got != reason {
						t.Errorf("%s at %d: got %s, want %s", code, status, got, reason)
					}
				}
			}
		}
	}
}

// FuzzClassify: whatever answer comes, with whatever headers, only 204 is a
// logout, and every other answer is an error that is fit for a status.
func FuzzClassify(f *testing.F) {
	c := newClient(f, "https://service.chime.aws.amazon.com")
	is := new(http.Response)
	c.wire.transport = answers{is}
	f.Add(204, "x-amzn-RequestId: 3f1c\nContent-Length: 7", "ignored")
	f.Add(400, "X-Amzn-ErrorType: ThrottlingException:http://x\nRetry-After: 7\nX-Amzn-RequestId: 3f1c", `{"Code":"NotFound","Message":"no user"}`)
	f.Add(403, "Content-Encoding: gzip", `{"__type":"a#AccessDeniedException","message":"\u202eAWS4-HMAC-SHA256"}`)
	f.Add(200, "X-Amzn-ErrorType: NotFound\nRetry-After: Fri, 20 Feb 2026 10:00:09 GMT\nX-Amz-Request-Id: \x00", `<html>`)
	f.Add(307, "Location: https://elsewhere.example/\nLocation: ://", "")
	f.Add(999, "X-Amzn-ErrorType: a#b#c:d\nRetry-After: -1\nRetry-After: 9\nx-amzn-requestid: "+strings.Repeat("9", 200), `{"Message":"`+strings.Repeat("界", 300)+`"}`)
	f.Add(500, "Date: today\nDate: Mon, 01 Jan 0001 00:00:00 GMT\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT", strings.Repeat("[", 20_000))
	f.Add(401, "X-Amzn-ErrorType: \xff\n: \n\nDate", `{"Code":["NotFound"],"code":7,"__type":"#","Message":{},"message":"`+keys.SessionToken+`"}`)
	f.Fuzz(func(t *testing.T, status int, headers, body string) {
		header := http.Header{}
		for line := range strings.Lines(headers) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
			header.Add(name, strings.TrimSpace(value))
		}
		*is = http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
		receipt, err := c.Logout(t.Context(), account, user)
		if (err == nil) != (status == http.StatusNoContent) || err == nil && receipt.HTTPStatusCode != status {
			t.Fatalf("%d: %+v, %v", status, receipt, err)
		}
		if err == nil {
			if id := receipt.RequestID; id != token(id) {
				t.Errorf("request ID %q", id)
			}
			return
		}
		e, ok := errors.AsType[*logout.Error](err)
		if !ok {
			t.Fatalf("%T is no *logout.Error: %v", err, err)
		}
		checkFit(t, e)
		if e.HTTPStatusCode != status {
			t.Errorf("status %d became %d", status, e.HTTPStatusCode)
		}
		if status < 400 && e.Reason != logout.UnexpectedResponse {
			t.Errorf("%d is %s", status, e.Reason)
		}
		if strings.Contains(e.Message, keys.SessionToken) {
			t.Errorf("the session token is in %q", e.Message)
		}
	})
}

// answers gives one answer to every request.
type answers struct{ is *http.Response }

func (a answers) RoundTrip(*http.Request) (*http.Response, error) { return a.is, nil }

func (answers) CloseIdleConnections() {}

// checkFit fails the test unless e is fit for a status: its class fits its
// reason, and its texts are bounded and printable.
func checkFit(t testing.TB, e *logout.Error) {
	t.Helper()
	class, ok := map[logout.Reason]logout.Class{
		logout.BadRequest:          logout.Permanent,
		logout.NotFound:            logout.Permanent,
		logout.Forbidden:           logout.Permanent,
		logout.Unauthorized:        logout.RetrySlowly,
		logout.UnexpectedResponse:  logout.RetrySlowly,
		logout.Throttled:           logout.Retry,
		logout.ServiceUnavailable:  logout.Retry,
		logout.ServiceFailure:      logout.Retry,
		logout.EndpointUnreachable: logout.Retry,
	}[e.Reason]
	if !ok || e.Class != class {
		t.Errorf("reason %q with class %d", e.Reason, e.Class)
	}
	if e.RetryAfter < 0 || e.RetryAfter > logout.MaxRetryAfter || e.RetryAfter > 0 && e.Class == logout.Permanent {
		t.Errorf("%s with Retry-After %v", e.Reason, e.RetryAfter)
	}
	if e.Message == "" || utf8.RuneCountInString(e.Message) > logout.MaxMessageLength {
		t.Errorf("message of %d characters", utf8.RuneCountInString(e.Message))
	}
	for _, text := range []string{e.Message, e.Code, e.RequestID} {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q is not printable", text)
		}
	}
	if len(e.Code) > 128 || len(e.RequestID) > 128 {
		t.Errorf("code of %d bytes, request ID of %d", len(e.Code), len(e.RequestID))
	}
}

// quote returns s as JSON, keeping bytes that are not UTF-8.
func quote(s string) string {
	if utf8.ValidString(s) {
		b, _ := json.Marshal(s)
		return string(b)
	}
	return `"` + s + `"`
}
