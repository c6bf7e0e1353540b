package gate

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/logout-operator/logout-operator/internal/logout"
)

const (
	// pauseLeast and pauseMost bound the pause after a failure that ends without anybody's help, if the service does
	// not say how long to wait. A service that has recovered is noticed within pauseMost, at the cost of four to eight
	// calls a minute.
	pauseLeast, pauseMost = time.Second, 15 * time.Second
	// slowPauseLeast and slowPauseMost are the same for failures that somebody has to fix. The pause is at most as long
	// as a service may ask for.
	slowPauseLeast, slowPauseMost = 10 * time.Second, logout.MaxRetryAfter
)

// evidence is what the outcome of one call says about its service.
type evidence int

const (
	answered      evidence = iota // the service works
	suspicious                    // the failure may be the service's, or only this object's
	serviceFailed                 // the failure is the service's: the next call would fail, too
)

func judge(failure *logout.Error) evidence {
	switch {
	case failure == nil || failure.Reason.Class() == logout.Permanent:
		return answered
	case failure.ProviderWide || failure.RetryAfter > 0:
		return serviceFailed
	}
	return suspicious
}

// mayBeOnes reports whether a failure is an answer of the service, such as 503 or 429, that may concern everybody or one
// user, account or tenant.
func mayBeOnes(failure *logout.Error) bool {
	switch {
	case failure == nil || failure.NoCredentials:
		return false
	case failure.Reason == logout.Throttled:
		return true
	case failure.HTTPStatusCode == 0, failure.Reason == logout.Unauthorized && failure.ProviderWide:
		return false
	}
	return judge(failure) == serviceFailed
}

// summary describes a failure for readers other than the owner of its object. It does not quote the service's message,
// which may be about the user. It leaves out a code that could be an ID, which is one with other characters than
// letters, underscores and periods: codes that services document have no others.
func summary(failure *logout.Error) string {
	message, code := failure.Message, ""
	if failure.Code != "" {
		code = ", " + failure.Code
	}
	if failure.HTTPStatusCode != 0 && failure.Reason != logout.Unauthorized &&
		failure.Reason != logout.UnexpectedResponse {
		message = fmt.Sprintf("the service answered HTTP %d%s", failure.HTTPStatusCode, code)
	} // otherwise the message is not the service's
	if strings.ContainsFunc(failure.Code, func(r rune) bool { return !unicode.IsLetter(r) && r != '_' && r != '.' }) {
		message = strings.ReplaceAll(message, code, "")
	}
	return message
}

// asksForLess reports whether the service itself wants fewer calls. Then nothing but time helps.
func asksForLess(reason logout.Reason) bool {
	return reason == logout.Throttled || reason == logout.ServiceUnavailable
}

// pause is how long to make no calls to a service that has failed for the given time. If the service asks for a time,
// it is that time, but at least a second. Otherwise it is as long as the failure has lasted so far, within bounds,
// minus a jitter of up to half. Unlike the jitter of the objects, this one is not full, because one probe follows and
// not a crowd that must be spread. random is in [0, 1).
func pause(failure *logout.Error, lasted time.Duration, random float64) time.Duration {
	if failure.RetryAfter > 0 {
		return max(failure.RetryAfter, pauseLeast)
	}
	least, most := pauseLeast, pauseMost
	if failure.Reason.Class() == logout.RetrySlowly {
		least, most = slowPauseLeast, slowPauseMost
	}
	ceiling := float64(min(max(lasted, least), most))
	return time.Duration(ceiling/2 + random*ceiling/2)
}
