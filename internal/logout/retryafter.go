package logout

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter limits how long a service can make the operator wait with one
// answer, so that a wrong header (a year, a date in another era) cannot stop a
// logout for ever.
const MaxRetryAfter = 5 * time.Minute

// ParseRetryAfter reads a Retry-After header in either form of RFC 9110 section
// 10.2.3: whole seconds, or a date. A date is taken relative to the Date header
// of the same answer, so that a difference between the clocks does not matter;
// if there is no Date, it is taken relative to now. The result is between 0 and
// MaxRetryAfter. It is 0 if the header is absent or malformed, or if the date
// has passed.
func ParseRetryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if strings.Trim(v, "0123456789") == "" {
		s, err := strconv.ParseInt(v, 10, 64)
		if err != nil || s > int64(MaxRetryAfter/time.Second) {
			return MaxRetryAfter // all digits, so an error means out of range
		}
		return time.Duration(s) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	if d, err := http.ParseTime(h.Get("Date")); err == nil {
		now = d
	}
	return min(max(at.Sub(now), 0), MaxRetryAfter)
}
