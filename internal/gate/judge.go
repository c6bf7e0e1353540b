package gate

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/logout-operator/logout-operator/internal/logout"
)

const (
	// pauseLeast and pauseMost bound the pause after trouble that ends by
	// itself, where the service does not say how long: a service that is back
	// is noticed within the latter, for four to eight calls a minute.
	pauseLeast, pauseMost = time.Second, 15 * time.Second
	// The same for trouble that somebody has to fix: at most as long as a service
	// can ask for.
	slowPauseLeast, slowPauseMost = 10 * time.Second, logout.MaxRetryAfter
)

// verdict is what the outcome of one call says about its service.
type verdict int

const (
	answered   verdict = iota // it does its work
	suspicious                // its trouble, or that of this one object
	troubled                  // its trouble: the next call would meet it too
)

func judge(failure *logout.Error) verdict {
	switch {
	case failure == nil || failure.Reason.Class() == logout.Permanent:
		return answered
	case failure.ProviderWide || failure.RetryAfter > 0:
		return troubled
	}
	return suspicious
}

// summary is what is told of a failure to others than its own object: not in the
// service's words, which may be about the user. A code that could be an ID is one of
// them; those that services document are letters.
func summary(failure *logout.Error) string {
	message, code := failure.Message, ""
	if failure.Code != "" {
		code = ", " + failure.Code
	}
	if failure.HTTPStatusCode != 0 && failure.Reason != logout.Unauthorized && failure.Reason != logout.UnexpectedResponse {
		message = fmt.Sprintf("the service answered HTTP %d%s", failure.HTTPStatusCode, code)
	} // else it is not the service's
	if strings.ContainsFunc(failure.Code, func(r rune) bool { return !unicode.IsLetter(r) && r != '_' && r != '.' }) {
		message = strings.ReplaceAll(message, code, "")
	}
	return message
}

// asksForLess reports whether it is the service itself that wants fewer calls: then
// nothing but time helps.
func asksForLess(reason logout.Reason) bool {
	return reason == logout.Throttled || reason == logout.ServiceUnavailable
}

// pause is how long to leave a service alone that has been in trouble for the
// given time: as long as it asks for, a second at least; else as long again as
// the trouble has lasted, within bounds and less up to half by jitter. The
// jitter is not full, as that of the objects is: there is one probe, not a
// crowd to be spread. random is in [0, 1).
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
