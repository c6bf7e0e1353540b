// Package httpcall makes the HTTP calls of every provider in the same safe way:
// one request on the wire, no redirect followed, bounds on time and bytes, and
// errors that say what happened in clean words and quote no credential. It
// knows no service.
package httpcall

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// MaxBody bounds how much of an answer's body is read, in bytes.
const MaxBody = 64 << 10

// Answer is what came back, read within bounds.
type Answer struct {
	// Status is the HTTP status code.
	Status int
	// Header of the answer.
	Header http.Header
	// Body has the first MaxBody bytes, or fewer if the body broke off.
	Body []byte
	// Partial means that the body is longer than that or broke off, by the
	// deadline or by what is no HTTP. Status and header still say something, but
	// nothing that is final, and what there is of the body proves nothing.
	Partial bool
	// At is when it came.
	At time.Time
}

// Read reads an answer and closes its body.
func Read(resp *http.Response) *Answer {
	a := &Answer{Status: resp.StatusCode, Header: resp.Header, At: time.Now()}
	var err error
	a.Body, err = io.ReadAll(io.LimitReader(resp.Body, MaxBody+1)) // what Contain left, and how it ends
	a.Partial = err != nil
	_ = resp.Body.Close()
	return a
}

// JSON decodes the body and reports whether it is JSON that fits v and came
// whole. Whatever a body can make final, success or failure, goes by this: half
// an answer says neither.
func (a *Answer) JSON(v any) bool { return !a.Partial && json.Unmarshal(a.Body, v) == nil }

// Finding is what a provider makes of an answer that is not the success its
// protocol documents.
type Finding struct {
	// Reason is what the answer means; see ReasonOf for what follows from the
	// status alone.
	Reason logout.Reason
	// ProviderWide: no other call would be accepted either. It need not be set
	// for Throttled and ServiceUnavailable, which always are.
	ProviderWide bool
	// Code is the service's error code, as it stands in the answer.
	Code string
	// Message is what the service says, as it stands in the answer.
	Message string
	// RequestID by which the service's operator finds the request, likewise.
	RequestID string
	// RetryAfter, where not 0, is how long the service asked to be left alone by
	// a header of its own. The header Retry-After needs no mention.
	RetryAfter time.Duration
	// Operation is what should have answered, for people: "LogoutUser".
	Operation string
	// Secrets are what the request was signed in with. Nothing that repeats one
	// of them gets into the error.
	Secrets []string
}

// Failure returns the seam's error for an answer.
func (a *Answer) Failure(f Finding) *logout.Error {
	if a.Partial && f.Reason.Class() == logout.Permanent {
		f.Reason = logout.UnexpectedResponse
	}
	e := &logout.Error{
		Reason:         f.Reason,
		ProviderWide:   f.ProviderWide || f.Reason == logout.Throttled || f.Reason == logout.ServiceUnavailable,
		HTTPStatusCode: a.Status,
		Code:           unlessSecret(Token(f.Code), f.Secrets),
		RequestID:      unlessSecret(Token(f.RequestID), f.Secrets),
	}
	e.Message = a.message(f, e.Code)
	if e.Reason.Class() != logout.Permanent {
		e.RetryAfter = min(max(f.RetryAfter, logout.ParseRetryAfter(a.Header, a.At), 0), logout.MaxRetryAfter)
	}
	return e
}

// Receipt of an answer that confirms a logout. The request ID is as it stands in
// the answer; it is left out if it repeats a secret.
func (a *Answer) Receipt(requestID string, secrets []string) logout.Receipt {
	return logout.Receipt{HTTPStatusCode: a.Status, RequestID: unlessSecret(Token(requestID), secrets)}
}

// message returns what people read about an answer: the service's own words
// where they are of use and quote no part of what signs the request in.
func (a *Answer) message(f Finding, code string) string {
	what := fmt.Sprintf("HTTP %d", a.Status)
	if code != "" {
		what += ", " + code
	}
	message := Shorten(Clean(f.Message))
	switch {
	case f.Reason == logout.Unauthorized:
		return "the service does not accept the credentials (" + what + ")"
	case f.Reason == logout.UnexpectedResponse:
		return "the endpoint does not answer as " + f.Operation + " does (" + what + ")"
	case message == "" || quotesCredentials(message, f.Secrets):
		return "the service answered " + what
	}
	return message
}

func unlessSecret(token string, secrets []string) string {
	if Repeats(token, secrets) {
		return ""
	}
	return token
}

// ReasonOf is what a status means by itself, where the answer has no code that
// the service documents. That is never final: every proxy and firewall on the way
// answers with a 4xx of its own, and a 404 is what everybody says who does not know
// the operation.
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
