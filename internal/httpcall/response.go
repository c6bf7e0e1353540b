// Package httpcall makes the HTTP calls of all clients safe in the same way: it
// sends one request, follows no redirect, limits time and bytes, and returns
// errors that are fit for a status and quote no credential. It knows no
// service.
package httpcall

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/logout-operator/logout-operator/internal/logout"
)

const endpointStep = "check the endpoint"

// MaxBody is how much of an answer's body is read at most, in bytes.
const MaxBody = 64 << 10

// Response is an answer to a request, read within limits.
type Response struct {
	// Status is the HTTP status code.
	Status int
	// Header of the answer.
	Header http.Header
	// Body has the first MaxBody bytes, or fewer if the body was cut off.
	Body []byte
	// Partial means that the body is longer than MaxBody or was cut off, by the
	// deadline or because it is not valid HTTP. Status and Header are still
	// meaningful, but such an answer is never final, and its body proves
	// nothing.
	Partial bool
	// At is when the answer arrived.
	At time.Time

	hint string // see hintOf
}

// Read reads an answer and closes its body.
func Read(resp *http.Response) *Response {
	a := &Response{Status: resp.StatusCode, Header: resp.Header, At: time.Now()}
	var err error
	a.Body, err = io.ReadAll(io.LimitReader(resp.Body, MaxBody+1)) // the body that Contain read, and its error
	a.Partial = err != nil
	_ = resp.Body.Close()
	if resp.Request != nil { // not in every test
		a.hint = hintFor(resp)
	}
	return a
}

// hintFor returns what to say if the server asked for a client certificate.
// 400 with a certificate is how nginx refuses it: expired, or of another CA.
func hintFor(resp *http.Response) string {
	host, ok := resp.Request.Context().Value(askingKey{}).(*Asking)
	switch {
	case ok && host.none.Load():
		return noCertificate
	case ok && host.given.Load() && resp.StatusCode == http.StatusBadRequest:
		return certificateIn
	}
	return ""
}

// JSON decodes the body, and reports whether it is complete and is JSON that
// fits v. Every decision that a body can make final, success or failure, uses
// this method, because a partial answer proves neither.
func (a *Response) JSON(v any) bool { return !a.Partial && json.Unmarshal(a.Body, v) == nil }

// Finding is a client's interpretation of an answer that is not the success its
// protocol documents.
type Finding struct {
	// Reason is the meaning of the answer. ReasonOf returns the reason that
	// follows from the status alone.
	Reason logout.Reason
	// ProviderWide means that no other call would be accepted either. It need
	// not be set for Throttled and ServiceUnavailable, which always are
	// provider-wide.
	ProviderWide bool
	// Code is the service's error code, as in the answer.
	Code string
	// Message is the service's message, as in the answer.
	Message string
	// RequestID is the ID by which those who run the service find the request,
	// as in the answer.
	RequestID string
	// RetryAfter, if not 0, is the pause that the service asked for in a header
	// of its own. The header Retry-After is read anyway.
	RetryAfter time.Duration
	// Operation is the operation that was called, for messages: "LogoutUser".
	Operation string
	// LogsOut means that the operation is the logout itself, and not a look-up
	// before it.
	LogsOut bool
	// NextStep is what to do about an answer that is not the service's, for
	// messages; if empty, it is to check the endpoint.
	NextStep string
	// Secrets are the credentials of the request. The error contains no text
	// that repeats one of them.
	Secrets []string
}

// Failure returns the *logout.Error for an answer.
func (a *Response) Failure(f Finding) *logout.Error {
	if a.Partial && f.Reason.Class() == logout.Permanent {
		f.Reason = logout.UnexpectedResponse
	}
	e := &logout.Error{
		Reason:         f.Reason,
		ProviderWide:   f.ProviderWide || f.Reason == logout.Throttled || f.Reason == logout.ServiceUnavailable,
		HTTPStatusCode: a.Status,
		Code:           unlessSecret(Identifier(f.Code), f.Secrets),
		RequestID:      unlessSecret(Identifier(f.RequestID), f.Secrets),
		Unconfirmed:    f.LogsOut && f.Reason == logout.UnexpectedResponse && a.undocumented(),
	}
	e.Message, e.Words = a.message(f, e)
	if e.Reason.Class() != logout.Permanent {
		e.RetryAfter = min(max(f.RetryAfter, logout.ParseRetryAfter(a.Header, a.At), 0), logout.MaxRetryAfter)
		if e.RetryAfter == 0 && e.Reason == logout.Throttled { // other answers may state a limit that is not reached
			e.RetryAfter = logout.ParseRateLimitReset(a.Header, a.At)
		}
	}
	return e
}

// undocumented reports whether the answer is a success that may come from the
// service. A web page does not: a proxy or a sign-in page sends it.
func (a *Response) undocumented() bool {
	page := strings.Contains(strings.ToLower(a.Header.Get("Content-Type")), "html") ||
		bytes.HasPrefix(bytes.TrimSpace(a.Body), []byte("<"))
	return 200 <= a.Status && a.Status <= 299 && !page
}

// Receipt returns the receipt of an answer that confirms a logout. The request
// ID is as in the answer; it is left out if it repeats a secret.
func (a *Response) Receipt(requestID string, secrets []string) logout.Receipt {
	return logout.Receipt{HTTPStatusCode: a.Status, RequestID: unlessSecret(Identifier(requestID), secrets)}
}

// message returns the message for users about an answer: the service's own
// words if they quote no part of the credentials. They stand beside the
// operator's message if that says what to do.
func (a *Response) message(f Finding, e *logout.Error) (message, words string) {
	what := fmt.Sprintf("HTTP %d", a.Status)
	if e.Code != "" {
		what += ", " + e.Code
	}
	words = logout.Shorten(Clean(f.Message))
	if quotesCredentials(words, f.Secrets) {
		words = ""
	}
	switch {
	case f.Reason == logout.Unauthorized:
		return "the service does not accept the credentials (" + what + ")" + a.hintOf(), words
	case e.Unconfirmed:
		return "unexpected response to " + f.Operation + " (" + what + "), which does not confirm the logout: " +
			"the user may be logged out or not; " + cmp.Or(f.NextStep, endpointStep), words
	case f.Reason == logout.UnexpectedResponse:
		return "unexpected response to " + f.Operation + " (" + what + "); " + endpointStep + a.hintOf(), words
	case words == "":
		return "the service answered " + what, ""
	}
	return words, ""
}

// hintOf returns the hint for the end of a message, if the answer may be how
// the server, or a gateway before it, refuses a client without a certificate:
// nginx sends a page with 400.
func (a *Response) hintOf() string {
	refuses := a.Status == http.StatusBadRequest || a.Status == http.StatusUnauthorized ||
		a.Status == http.StatusForbidden
	if a.hint == "" || !refuses {
		return ""
	}
	return "; " + a.hint
}

func unlessSecret(token string, secrets []string) string {
	if Repeats(token, secrets) {
		return ""
	}
	return token
}

// ReasonOf returns the meaning of a status by itself, if the answer has no code
// that the service documents. That is never final: every proxy and firewall on
// the way answers with a 4xx of its own, and every server that does not know
// the operation answers with a 404.
func ReasonOf(status int) logout.Reason {
	switch {
	case status == http.StatusUnauthorized:
		return logout.Unauthorized
	case status == http.StatusRequestTimeout:
		return logout.ServiceFailure
	case status == http.StatusTooManyRequests:
		return logout.Throttled
	case status == http.StatusServiceUnavailable:
		return logout.ServiceUnavailable
	case 500 <= status && status <= 599:
		return logout.ServiceFailure
	}
	return logout.UnexpectedResponse
}
