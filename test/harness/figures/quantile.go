package figures

import (
	"math"
	"slices"
	"time"
)

// Quantile is the smallest of the durations that at least the share q of them does not exceed: 0.5 is the median. It is
// zero if there are none.
func Quantile(durations []time.Duration, q float64) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(durations))
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}
