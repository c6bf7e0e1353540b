// Package logout is the interface between the controller and any service that
// can log a user out of every device. The controller knows only this package;
// the client of a service knows only this package and its own protocol.
package logout

import (
	"context"
	"time"
	"unicode/utf8"
)

// Client makes the logout call of one service.
//
// Logout makes exactly one attempt: it sends one request and does not retry,
// because only the caller has claimed the attempt and knows when the next one
// is due. Only a request that was refused with 401, because its token had ended
// early, may be sent once more with another. It returns when the service has answered or ctx is done, and it sends
// nothing after the deadline of ctx. A nil error means that the service
// confirmed the logout. Every other error is an *Error.
type Client interface {
	// CheckIDs returns the error for IDs that cannot be sent safely; nil if they
	// can. It sends nothing. Logout rejects the same IDs.
	CheckIDs(accountID, userID string) *Error
	Logout(ctx context.Context, accountID, userID string) (Receipt, error)
}

// Receipt is the service's confirmation of a logout.
type Receipt struct {
	// HTTPStatusCode of the answer.
	HTTPStatusCode int
	// RequestID is the ID by which those who run the service find the request;
	// it may be empty.
	RequestID string
}

// Class says what to do after a failed attempt.
type Class int

const (
	// Retry means that the cause is temporary; retry with backoff.
	Retry Class = iota
	// RetrySlowly means that the cause is outside the object and somebody has
	// to fix it (credentials, the endpoint's address); retry rarely.
	RetrySlowly
	// Permanent means that the same call will never succeed.
	Permanent
)

// Reason is a condition reason: one CamelCase word for the meaning of an
// answer. The constants in api/v1alpha1 with the same values document them for
// users.
type Reason string

// The reasons that a client reports.
const (
	BadRequest          Reason = "BadRequest"
	NotFound            Reason = "NotFound"
	Forbidden           Reason = "Forbidden"
	Unauthorized        Reason = "Unauthorized"
	Throttled           Reason = "Throttled"
	ServiceUnavailable  Reason = "ServiceUnavailable"
	ServiceFailure      Reason = "ServiceFailure"
	EndpointUnreachable Reason = "EndpointUnreachable"
	UnexpectedResponse  Reason = "UnexpectedResponse"
)

// Class returns the class of every failure with this reason.
func (r Reason) Class() Class {
	switch r {
	case BadRequest, NotFound, Forbidden:
		return Permanent
	case Unauthorized, UnexpectedResponse:
		return RetrySlowly
	}
	return Retry
}

// MaxMessageLength is the maximum length of Error.Message, in characters.
const MaxMessageLength = 256

// Error is a failed attempt. The operator writes it to the object's status, so
// it contains no credential, no body, and no header except those named here.
type Error struct {
	// Reason for the Ready condition. Its class decides whether the operator
	// retries.
	Reason Reason
	// ProviderWide means that the failure is certainly the provider's and not
	// this object's. Other calls through the provider would fail too, so they
	// are paused as well. For Throttled it is set, too, but the gate first
	// finds out whether the service throttles everybody.
	ProviderWide bool
	// Unconfirmed means that the answer is a success, but not the one that the
	// service documents. The call may have logged the user out.
	Unconfirmed bool
	// NoCredentials means that the call was not made, because the server that issues the credentials for all calls has
	// failed. HTTPStatusCode is its answer's.
	NoCredentials bool
	// HTTPStatusCode of the answer; 0 if none came.
	HTTPStatusCode int
	// Code is the service's own error code; empty if it gave none.
	Code string
	// Message for people: printable, at most MaxMessageLength characters.
	Message string
	// Words are the service's own words, if Message is the operator's. They may be about the user, so only the owner of
	// the object may read them, unless NoCredentials is set.
	Words string
	// RequestID of the answer; it may be empty.
	RequestID string
	// RetryAfter is the pause that the service asked for, counted from the
	// arrival of its answer; 0 if it asked for none. At most MaxRetryAfter.
	RetryAfter time.Duration
}

// Text returns the message with the service's words, in at most
// MaxMessageLength characters.
func (e *Error) Text() string {
	if e.Words == "" {
		return e.Message
	}
	return Shorten(e.Message + "; the service says: " + e.Words)
}

// Shorten cuts a text to MaxMessageLength characters.
func Shorten(text string) string {
	if utf8.RuneCountInString(text) <= MaxMessageLength {
		return text
	}
	return string([]rune(text)[:MaxMessageLength-1]) + "…"
}

// Error returns the reason and the message.
func (e *Error) Error() string { return string(e.Reason) + ": " + e.Message }
