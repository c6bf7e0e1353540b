package logout

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"
)

// MaxRetryAfter limits how long a service can make the operator wait with one
// answer, so that a wrong header (a year, a date in another era) cannot stop a
// logout for ever.
const MaxRetryAfter = 5 * time.Minute

var number = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)

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
// instead of Retry-After, in the same forms: RateLimit-Reset, X-RateLimit-Reset
// and X-Rate-Limit-Reset, each beside a header that says that no call remains,
// and RateLimit, as in the drafts of
// https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/. The
// result is the longest of them, between 0 and MaxRetryAfter. It is 0 if there is
// a Retry-After.
func ParseRateLimitReset(h http.Header, now time.Time) (wait time.Duration) {
	if len(h.Values("Retry-After")) > 0 {
		return 0
	}
	for _, limit := range []string{"RateLimit", "X-RateLimit", "X-Rate-Limit"} {
		remaining, _, _ := strings.Cut(h.Get(limit+"-Remaining"), ",") // many limits: the first is the one that counts
		if n, err := strconv.Atoi(strings.TrimSpace(remaining)); err == nil && n <= 0 {
			wait = max(wait, parseWait(h.Get(limit+"-Reset"), h, now))
		}
	}
	return max(wait, parseRateLimit(h.Values("RateLimit")))
}

// parseRateLimit reads a RateLimit header: a list of limits, each with the calls
// that remain (r) and the seconds until its end (t), or in earlier drafts one
// limit with remaining and reset.
func parseRateLimit(values []string) (wait time.Duration) {
	used := func(remaining, reset any) {
		if n, ok := remaining.(int64); !ok || n > 0 {
			return
		}
		if s, ok := reset.(int64); ok && s > 0 {
			wait = max(wait, time.Duration(min(s, int64(MaxRetryAfter/time.Second)))*time.Second)
		}
	}
	limits, err := httpsfv.UnmarshalList(values)
	for _, limit := range limits {
		if item, ok := limit.(httpsfv.Item); ok {
			remaining, _ := item.Params.Get("r")
			reset, _ := item.Params.Get("t")
			used(remaining, reset)
		}
	}
	if err == nil {
		return wait
	}
	if limit, err := httpsfv.UnmarshalDictionary(values); err == nil {
		valueOf := func(name string) any {
			member, _ := limit.Get(name)
			item, _ := member.(httpsfv.Item)
			return item.Value
		}
		used(valueOf("remaining"), valueOf("reset"))
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
