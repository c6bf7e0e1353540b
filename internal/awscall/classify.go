package awscall

import (
	"net/http"
	"slices"
	"strings"

	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// Codes gives error codes their reason. A code means the same with and without
// "Exception" at its end; * stands for any end.
type Codes struct {
	// Reason for all of the patterns.
	Reason logout.Reason
	// Patterns of codes.
	Patterns []string
}

// common are the codes that mean the same in all AWS services:
// https://docs.aws.amazon.com/chime/latest/APIReference/CommonErrors.html.
// The codes by which other AWS services refuse a signature or token are here as
// well, so that people read what is wrong.
var common = []Codes{
	{logout.BadRequest, []string{"ValidationError"}},
	{logout.Unauthorized, rejected},
	{logout.Unauthorized, []string{"AccessDenied*", "NotAuthorized", "OptInRequired"}},
	{logout.Throttled, []string{"Throttling*", "TooManyRequests*"}},
	{logout.ServiceUnavailable, []string{"ServiceUnavailable"}},
	{logout.ServiceFailure, []string{"InternalFailure", "RequestTimeout*", "RequestAborted*"}},
	{logout.UnexpectedResponse, []string{"UnknownOperation*"}},
}

// rejected are the codes for credentials or a signature that no call would be
// accepted with; those for a missing permission may concern one account only.
var rejected = []string{
	"ExpiredToken*", "UnrecognizedClient*", "InvalidClientTokenId", "IncompleteSignature", "RequestExpired",
	"SignatureDoesNotMatch", "MissingAuthenticationToken*", "InvalidSignature*", "RequestTimeTooSkewed",
}

// classify says what an answer other than success means.
func (s Service) classify(a *answer) *logout.Error {
	var code, message string
	if a.Status >= http.StatusBadRequest { // else it is no error of the service, whatever it carries
		code, message = a.problem()
	}
	return a.Failure(httpcall.Finding{
		Reason:       s.reasonOf(a.Status, code),
		ProviderWide: matchesAny(code, rejected),
		Code:         code,
		Message:      message,
		RequestID:    requestID(a.Header),
		Operation:    s.Operation,
		Secrets:      a.secrets,
	})
}

// reasonOf goes by the code if it is a known one, else by the status. A code that
// is final counts only at a status that AWS documents for such codes: at another,
// something on the way answered.
func (s Service) reasonOf(status int, code string) logout.Reason {
	documented := status == http.StatusBadRequest || status == http.StatusForbidden || status == http.StatusNotFound
	for _, c := range slices.Concat(s.Codes, common) {
		if !matchesAny(code, c.Patterns) {
			continue
		}
		if documented || c.Reason.Class() != logout.Permanent {
			return c.Reason
		}
		break
	}
	return httpcall.ReasonOf(status)
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
