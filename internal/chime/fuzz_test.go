package chime

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
	"github.com/logout-operator/logout-operator/internal/logout/logouttest"
)

// FuzzAnswers: only 204 is a logout, whatever the headers. Every other answer
// is an error that is fit for a status.
func FuzzAnswers(f *testing.F) {
	c := newClient(f, "https://service.chime.aws.amazon.com")
	is := new(http.Response)
	c.Wire.Transport = answers{is}
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
			if id := receipt.RequestID; id != httpcall.Identifier(id) {
				t.Errorf("request ID %q", id)
			}
			return
		}
		e := logouttest.Failure(t, err, keys.SessionToken)
		if e.HTTPStatusCode != status {
			t.Errorf("status %d became %d", status, e.HTTPStatusCode)
		}
		if status < 400 && e.Reason != logout.UnexpectedResponse {
			t.Errorf("%d is %s", status, e.Reason)
		}
	})
}

// answers gives one answer to every request.
type answers struct{ is *http.Response }

func (a answers) RoundTrip(*http.Request) (*http.Response, error) { return a.is, nil }

func (answers) CloseIdleConnections() {}
