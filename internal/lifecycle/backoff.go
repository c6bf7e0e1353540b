package lifecycle

import (
	"math"
	"time"

	"github.com/logout-operator/logout-operator/internal/logout"
)

const (
	backoffBase = time.Second
	// MaxBackoff is the longest wait for an attempt, whatever the reason: as long as a service may ask for.
	MaxBackoff = logout.MaxRetryAfter
	// slowBackoff is the shortest wait if somebody has to fix something first.
	slowBackoff = 30 * time.Second
	// unconfirmedBackoff is the shortest wait after a first call that may have logged the user out. It doubles with
	// each attempt, so that the calls until maxUnconfirmed take longer than most disturbances.
	unconfirmedBackoff = time.Minute
)

// Backoff is how long to wait after attempt number attempt (from 1) has failed: a random time up to min(cap,
// base·2^(attempt-1)), and never less than the service asked for, nor than slowBackoff if somebody has to fix
// something, nor than unconfirmedBackoff·2^(attempt-1) if the call may have logged the user out. The exponent comes from
// the status, so a restart of the operator does not reset it. random is in [0, 1).
//
// Without full jitter, the objects of one outage would all come back together.
func Backoff(attempt int32, failure *logout.Error, random float64) time.Duration {
	least := failure.RetryAfter
	if failure.Reason.Class() == logout.RetrySlowly {
		least = max(least, slowBackoff)
	}
	growth := math.Pow(2, float64(attempt-1))
	ceiling := min(float64(MaxBackoff), float64(backoffBase)*growth)
	if failure.Unconfirmed {
		least = max(least, time.Duration(min(float64(MaxBackoff), float64(unconfirmedBackoff)*growth)))
	}
	return least + time.Duration(random*max(0, ceiling-float64(least)))
}
