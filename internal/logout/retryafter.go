package logout

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter limits how long a service can make the operator wait with one
// answer, so that a wrong header (a year, a date in another era) cannot stop a
// logout for ever.
const MaxRetryAfter = 5 * time.Minute

var (
	number = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
	// used finds, in a RateLimit header, when each limit that is used up ends: r and t, which earlier drafts called
	// remaining and reset.
	used = regexp.MustCompile(`\br(?:emaining)?=0\b[^"]*?\b(?:t|reset)=([0-9]+)`)
)

// ParseRetryAfter reads a Retry-After header in either form of RFC 9110 section
// 10.2.3, whole seconds or a date, and in the forms in which services send it
// nevertheless: 8.7, 9s, a date of RFC 3339, and seconds or milliseconds since
// 1970. A date is taken relative to the Date header of the same answer, so that
// a difference between the clocks does not matter; if there is no Date, it is
// taken relative to now. The result is between 0 and MaxRetryAfter. It is 0 if
// the header is absent or malformed, or if the date has passed.
func ParseRetryAfter(h http.Header, now time.Time) time.Duration {
	return parseWait(h.Get("Retry-After"), h, now)
}

// ParseRateLimitReset reads when the service accepts calls again from an answer
// that says that there were too many, in the headers that many services send
// instead of Retry-After: RateLimit (an IETF draft), RateLimit-Reset,
// X-RateLimit-Reset and X-Rate-Limit-Reset, in the same forms as Retry-After. A
// header is ignored if the one beside it says that calls remain: the answer is
// about another limit then. The result is the longest of them, between 0 and
// MaxRetryAfter.
func ParseRateLimitReset(h http.Header, now time.Time) (wait time.Duration) {
	for _, limit := range []string{"RateLimit", "X-RateLimit", "X-Rate-Limit"} {
		if remaining := strings.TrimSpace(h.Get(limit + "-Remaining")); remaining == "" || remaining == "0" {
			wait = max(wait, parseWait(h.Get(limit+"-Reset"), h, now))
		}
	}
	for _, m := range used.FindAllStringSubmatch(strings.Join(h.Values("RateLimit"), ", "), -1) {
		wait = max(wait, parseWait(m[1], h, now))
	}
	return wait
}

// parseWait reads how long to wait from a header's value.
func parseWait(value string, h http.Header, now time.Time) (wait time.Duration) {
	// numbers from these on are times and not durations; both are in September 2001
	const seconds, milliseconds = 1e9, 1e12
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	value = strings.TrimSpace(value)
	if number.MatchString(value) {
		n, _ := strconv.ParseFloat(value, 64) // infinite if it is out of range
		switch {
		case n < seconds:
			wait = time.Duration(n * float64(time.Second))
		case n < milliseconds:
			wait = time.UnixMilli(int64(n * 1000)).Sub(now)
		default:
			wait = time.UnixMilli(int64(min(n, 1000*milliseconds))).Sub(now)
		}
	} else if d, err := time.ParseDuration(value); err == nil {
		wait = d
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	} else if at, err := time.Parse(time.RFC3339, value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), MaxRetryAfter)
}
