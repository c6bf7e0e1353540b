// Package logout is the seam between the controller and any service that can
// log a user out of every device. The controller knows only this package; a
// service's client knows only this package and its own protocol.
package logout

import (
	"context"
	"time"
)

// Client makes the logout call of one service.
//
// Logout makes exactly one attempt: one request on the wire, no retry of its
// own, because only the caller has claimed the attempt and knows when the next
// one is due. It returns when the service has answered or ctx is done, and it
// sends nothing once ctx is past its deadline. A nil error means that the
// service confirmed the logout. Every other end is an *Error.
type Client interface {
	Logout(ctx context.Context, accountID, userID string) (Receipt, error)
}

// Receipt is what a service says of a logout it confirmed.
type Receipt struct {
	// HTTPStatusCode of the answer.
	HTTPStatusCode int
	// RequestID by which the service's operator finds the request; may be empty.
	RequestID string
}

// Class says what is to be done after a failed attempt.
type Class int

const (
	// Retry means that the cause lies in the moment; retry with backoff.
	Retry Class = iota
	// RetrySlowly means that the cause lies outside the object and somebody has
	// to fix it (credentials, the endpoint's address); retry seldom.
	RetrySlowly
	// Permanent means that the same call will never succeed.
	Permanent
)

// Reason is a condition reason: one CamelCase word for what an answer means.
// The constants of the same names in api/v1alpha1 document each for users.
type Reason string

// The reasons a provider reports.
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

// Class is what every failure for this reason is.
func (r Reason) Class() Class {
	switch r {
	case BadRequest, NotFound, Forbidden:
		return Permanent
	case Unauthorized, UnexpectedResponse:
		return RetrySlowly
	}
	return Retry
}

// MaxMessageLength bounds Error.Message, in characters.
const MaxMessageLength = 256

// Error is a failed attempt. Its text is written to the object's status, so it
// carries no credential, no header but those named here, and no body.
type Error struct {
	// Reason for the Ready condition. Its class decides between retry and failure.
	Reason Reason
	// ProviderWide: the trouble is certainly the provider's and not this
	// object's, so its other calls would meet it too and are held as well.
	ProviderWide bool
	// HTTPStatusCode of the answer; 0 if none came.
	HTTPStatusCode int
	// Code is the service's own error code; empty if it gave none.
	Code string
	// Message for people: printable, at most MaxMessageLength characters.
	Message string
	// RequestID of the answer; may be empty.
	RequestID string
	// RetryAfter is how long the service asked to be left alone, counted from
	// the arrival of its answer; 0 if it did not ask. At most MaxRetryAfter.
	RetryAfter time.Duration
}

// Error returns the reason and the message.
func (e *Error) Error() string { return string(e.Reason) + ": " + e.Message }
