package awscall

import (
	"net/http"
	"slices"
	"strings"

	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// Codes maps error codes to a reason. A code means the same with and without
// "Exception" at its end; * stands for any ending.
type Codes struct {
	// Reason for all of the patterns.
	Reason logout.Reason
	// Patterns of codes.
	Patterns []string
}

// common are the codes that mean the same in all AWS services:
// https://docs.aws.amazon.com/chime/latest/APIReference/CommonErrors.html. It
// also has the codes by which other AWS services reject a signature or token,
// so that users read what is wrong.
var common = []Codes{
	{logout.BadRequest, []string{"ValidationError"}},
	{logout.Unauthorized, rejected},
	{logout.Unauthorized, []string{"AccessDenied*", "NotAuthorized", "OptInRequired"}},
	{logout.Throttled, []string{"Throttling*", "TooManyRequests*"}},
	{logout.ServiceUnavailable, []string{"ServiceUnavailable"}},
	{logout.ServiceFailure, []string{"InternalFailure", "RequestTimeout*", "RequestAborted*"}},
	{logout.UnexpectedResponse, []string{"UnknownOperation*"}},
}

// rejected are the codes for credentials or a signature that every call would
// fail with. Codes for a missing permission are not among them, because they
// may concern one account only.
var rejected = []string{
	"ExpiredToken*", "UnrecognizedClient*", "InvalidClientTokenId", "IncompleteSignature", "RequestExpired",
	"SignatureDoesNotMatch", "MissingAuthenticationToken*", "InvalidSignature*", "RequestTimeTooSkewed",
}

// classify returns the error for an answer other than success.
func (s Service) classify(a *responseError) *logout.Error {
	var p problem
	if a.Status >= http.StatusBadRequest { // otherwise it is not an error of the service, whatever it contains
		p = a.problem()
	}
	return a.Failure(httpcall.Finding{
		Reason:       s.reasonOf(a.Status, p),
		ProviderWide: matchesAny(p.code, rejected),
		Code:         p.code,
		Message:      p.message,
		RequestID:    requestID(a.Header),
		Operation:    s.Operation,
		LogsOut:      true,
		Secrets:      a.secrets,
	})
}

// reasonOf uses the code if it is known, otherwise the status. A final code
// counts only in JSON, as our services answer, and with a status that AWS
// documents for such codes; otherwise the answer comes from a proxy or firewall
// on the way.
func (s Service) reasonOf(status int, p problem) logout.Reason {
	documented := status == http.StatusBadRequest || status == http.StatusForbidden || status == http.StatusNotFound
	for _, c := range slices.Concat(s.Codes, common) {
		if !matchesAny(p.code, c.Patterns) {
			continue
		}
		if documented && !p.xml || c.Reason.Class() != logout.Permanent {
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
