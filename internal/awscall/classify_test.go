package awscall

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
	"github.com/logout-operator/logout-operator/internal/logout/logouttest"
)

// sessionToken has only characters that a code or a request ID may have.
const sessionToken = "IQoJb3JpZ2luX2VjEXAMPLE"

var service = Service{Operation: "LogoutUser", Status: http.StatusNoContent,
	Codes: []Codes{{logout.NotFound, []string{"NotFound"}}}}

// final are the statuses that AWS documents for errors of the client.
var final = []int{400, 403, 404}

// Both spellings of every code mean the same with any error status, except that
// nothing is final with a status that the code is not documented for. The
// service's own codes take precedence over the common ones.
func TestCodes(t *testing.T) {
	service := service
	service.Codes = append(service.Codes, Codes{logout.Forbidden, []string{"OptInRequired"}})
	for reason, list := range map[logout.Reason]string{
		logout.NotFound:           "NotFound",
		logout.Forbidden:          "OptInRequired",
		logout.BadRequest:         "ValidationError",
		logout.Unauthorized:       "AccessDenied ExpiredToken NotAuthorized UnrecognizedClient InvalidClientTokenId IncompleteSignature RequestExpired SignatureDoesNotMatch MissingAuthenticationToken InvalidSignature RequestTimeTooSkewed",
		logout.Throttled:          "Throttling TooManyRequests",
		logout.ServiceUnavailable: "ServiceUnavailable",
		logout.ServiceFailure:     "InternalFailure RequestTimeout RequestAborted",
		logout.UnexpectedResponse: "UnknownOperation",
	} {
		for _, name := range strings.Fields(list) {
			for _, code := range []string{name, name + "Exception"} {
				for _, status := range []int{400, 401, 403, 404, 407, 408, 410, 429, 451, 500, 502, 503} {
					reason := reason
					if reason.Class() == logout.Permanent && !slices.Contains(final, status) {
						reason = httpcall.ReasonOf(status)
					}
					h := http.Header{"X-Amzn-Errortype": {code}}
					if got := service.classify(&responseError{
						Response: &httpcall.Response{Status: status, Header: h},
					}).Reason; got != reason {
						t.Errorf("%s at %d: got %s, want %s", code, status, got, reason)
					}
				}
			}
		}
	}
}

// Refusals in XML are about the credentials. They are never final, whatever
// they say, because our services answer in JSON.
func TestXML(t *testing.T) {
	const denied = "User: arn:aws:iam::123456789012:user/jane is not authorized to perform: chime:LogoutUser"
	query := func(code, message string) string {
		return `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>` +
			code + `</Code><Message>` + message + `</Message></Error><RequestId>3f1c</RequestId></ErrorResponse>`
	}
	moto := func(code, message string) string {
		return `<?xml version="1.0" encoding="utf-8"?>` + "\n<ErrorResponse><Errors><Error><Code>" + code +
			"</Code><Message>" + message + "</Message><Type>Sender</Type></Error></Errors></ErrorResponse>"
	}
	for _, tc := range []struct {
		code, message string
		status        int
		want          logout.Error
	}{
		{"AccessDenied", denied, 403, logout.Error{Reason: logout.Unauthorized, Words: denied}},
		{"SignatureDoesNotMatch", "wrong", 403,
			logout.Error{Reason: logout.Unauthorized, ProviderWide: true, Words: "wrong"}},
		{"InvalidClientTokenId", "unknown", 403,
			logout.Error{Reason: logout.Unauthorized, ProviderWide: true, Words: "unknown"}},
		{"Throttling", "slower", 400, logout.Error{Reason: logout.Throttled, ProviderWide: true, Message: "slower"}},
		{"NotFound", "no such bucket", 404, logout.Error{Reason: logout.UnexpectedResponse, Words: "no such bucket"}},
		{"NotFoundException", "no", 400, logout.Error{Reason: logout.UnexpectedResponse, Words: "no"}},
		{"ValidationError", "no", 403, logout.Error{Reason: logout.UnexpectedResponse, Words: "no"}},
	} {
		for _, form := range []func(code, message string) string{query, moto} {
			body := form(tc.code, tc.message)
			got := service.classify(&responseError{
				Response: &httpcall.Response{Status: tc.status, Header: http.Header{}, Body: []byte(body)}})
			if got.Reason != tc.want.Reason || got.ProviderWide != tc.want.ProviderWide || got.Code != tc.code ||
				got.Words != tc.want.Words || tc.want.Message != "" && got.Message != tc.want.Message {
				t.Errorf("%s: %+v", body, got)
			}
		}
	}
	for _, body := range []string{
		`<html><Error><Code>AccessDenied</Code></Error></html>`,
		`<ErrorResponse><Error><Code>AccessDenied</Code></Error>`,
		`{"message":"no"}`,
	} {
		got := service.classify(&responseError{
			Response: &httpcall.Response{Status: 403, Header: http.Header{}, Body: []byte(body)}})
		if got.Reason != logout.UnexpectedResponse || got.Code != "" {
			t.Errorf("%s: %+v", body, got)
		}
	}
}

func FuzzClassify(f *testing.F) {
	f.Add(400, "ThrottlingException:http://x", "7", "3f1c", `{"Code":"NotFound","Message":"no user"}`)
	f.Add(403, "", "", "", `{"__type":"a#AccessDeniedException","message":"\u202eAWS4-HMAC-SHA256"}`)
	f.Add(200, "NotFound", "Fri, 20 Feb 2026 10:00:09 GMT", "\x00", `<html>`)
	f.Add(999, "a#b#c:d", "-1", strings.Repeat("9", 200), `{"Message":"`+strings.Repeat("界", 300)+`"}`)
	f.Add(500, "", "", "", strings.Repeat("[", 20_000))
	f.Add(400, "", "", "", `{"__type":"AWS4-HMAC"}`)
	f.Add(404, "", "", "", `<ErrorResponse><Error><Code>NotFound</Code></Error></ErrorResponse>`)
	f.Add(429, sessionToken, "", sessionToken, `{"Message":"`+sessionToken+`"}`)
	f.Fuzz(func(t *testing.T, status int, errorType, retryAfter, id, body string) {
		e := service.classify(&responseError{&httpcall.Response{
			Status: status,
			Header: http.Header{"X-Amzn-Errortype": {errorType}, "Retry-After": {retryAfter}, "X-Amzn-Requestid": {id}},
			Body:   []byte(body),
			At:     time.Unix(1771588800, 0),
		}, "", []string{sessionToken}})
		logouttest.CheckFit(t, e)
		logouttest.CheckSecrets(t, e, sessionToken)
		if e.HTTPStatusCode != status {
			t.Errorf("status %d became %d", status, e.HTTPStatusCode)
		}
		if e.Reason.Class() == logout.Permanent && !slices.Contains(final, status) {
			t.Errorf("%s is final at %d", e.Reason, status)
		}
		if status < 400 && e.Reason != logout.UnexpectedResponse {
			t.Errorf("%d is %s", status, e.Reason)
		}
	})
}
