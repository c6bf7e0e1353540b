package chime

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
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

func FuzzClassify(f *testing.F) {
	f.Add(400, "ThrottlingException:http://x", "7", "3f1c", `{"Code":"NotFound","Message":"no user"}`)
	f.Add(403, "", "", "", `{"__type":"a#AccessDeniedException","message":"\u202eAWS4-HMAC-SHA256"}`)
	f.Add(200, "NotFound", "Fri, 20 Feb 2026 10:00:09 GMT", "\x00", `<html>`)
	f.Add(999, "a#b#c:d", "-1", strings.Repeat("9", 200), `{"Message":"`+strings.Repeat("界", 300)+`"}`)
	f.Add(500, "", "", "", strings.Repeat("[", 20_000))
	f.Fuzz(func(t *testing.T, status int, errorType, retryAfter, id, body string) {
		e := classify(&answer{
			status: status,
			header: http.Header{"X-Amzn-Errortype": {errorType}, "Retry-After": {retryAfter}, "X-Amzn-Requestid": {id}},
			body:   []byte(body),
			at:     time.Unix(1771588800, 0),
			token:  keys.SessionToken,
		})
		checkFit(t, e)
		if e.HTTPStatusCode != status {
			t.Errorf("status %d became %d", status, e.HTTPStatusCode)
		}
		if status < 400 && e.Reason != logout.UnexpectedResponse {
			t.Errorf("%d is %s", status, e.Reason)
		}
	})
}

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
