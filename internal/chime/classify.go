package chime

import (
	"net/http"
	"slices"
	"strings"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// codes gives each error code its reason. A code means the same with and
// without "Exception" at its end; * stands for any end. They are LogoutUser's
// own errors and those common to AWS services:
// https://docs.aws.amazon.com/chime/latest/APIReference/CommonErrors.html.
// An unlisted 403 is final, so the codes by which other AWS services refuse a
// signature or token are here as well: no logout may fail for good because of
// the operator's clock or keys.
var codes = []struct {
	reason   logout.Reason
	patterns []string
}{
	{logout.BadRequest, []string{"BadRequest", "ValidationError"}},
	{logout.NotFound, []string{"NotFound"}},
	{logout.Forbidden, []string{"Forbidden"}},
	{logout.Unauthorized, rejected},
	{logout.Unauthorized, []string{"UnauthorizedClient", "AccessDenied*", "NotAuthorized", "OptInRequired"}},
	{logout.Throttled, []string{"ThrottledClient", "Throttling*", "TooManyRequests*"}},
	{logout.ServiceUnavailable, []string{"ServiceUnavailable"}},
	{logout.ServiceFailure, []string{"ServiceFailure", "InternalFailure", "RequestTimeout*", "RequestAborted*"}},
	{logout.UnexpectedResponse, []string{"UnknownOperation*"}},
}

// rejected are the codes for credentials or a signature that no call would be
// accepted with; those for a missing permission may concern one account only.
var rejected = []string{
	"ExpiredToken*", "UnrecognizedClient*", "InvalidClientTokenId", "IncompleteSignature", "RequestExpired",
	"SignatureDoesNotMatch", "MissingAuthenticationToken*", "InvalidSignature*", "RequestTimeTooSkewed",
}

// classify says what an answer other than 204 means.
func classify(a *answer) *logout.Error {
	var code, message string
	if a.status >= http.StatusBadRequest { // else it is no error of the service, whatever it carries
		code, message = a.problem()
	}
	reason := reasonOf(a.status, code)
	e := &logout.Error{
		Reason:         reason,
		Class:          classOf(reason),
		ProviderWide:   reason == logout.Throttled || reason == logout.ServiceUnavailable || matchesAny(code, rejected),
		HTTPStatusCode: a.status,
		Code:           code,
		Message:        messageFor(reason, a, code, message),
		RequestID:      requestID(a.header),
	}
	if e.Class != logout.Permanent {
		e.RetryAfter = logout.ParseRetryAfter(a.header, a.at)
	}
	return e
}

// reasonOf goes by the code if it is a known one, else by the status.
func reasonOf(status int, code string) logout.Reason {
	for _, c := range codes {
		if matchesAny(code, c.patterns) {
			return c.reason
		}
	}
	switch {
	case status == http.StatusUnauthorized:
		return logout.Unauthorized
	case status == http.StatusForbidden:
		return logout.Forbidden
	case status == http.StatusNotFound: // no user is missing where nobody knows LogoutUser
		return logout.UnexpectedResponse
	case status == http.StatusRequestTimeout:
		return logout.ServiceFailure
	case status == http.StatusTooManyRequests:
		return logout.Throttled
	case status == http.StatusServiceUnavailable:
		return logout.ServiceUnavailable
	case 400 <= status && status <= 499:
		return logout.BadRequest
	case 500 <= status && status <= 599:
		return logout.ServiceFailure
	}
	return logout.UnexpectedResponse
}

func matchesAny(code string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(code, p) })
}

func matches(code, pattern string) bool {
	if start, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(code, start)
	}
	return strings.TrimSuffix(code, "Exception") == pattern
}

func classOf(reason logout.Reason) logout.Class {
	switch reason {
	case logout.BadRequest, logout.NotFound, logout.Forbidden:
		return logout.Permanent
	case logout.Unauthorized, logout.UnexpectedResponse:
		return logout.RetrySlowly
	}
	return logout.Retry
}
