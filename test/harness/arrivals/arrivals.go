// Package arrivals compares the times at which calls arrived with a rate.
package arrivals

import (
	"math"
	"slices"
	"time"
)

// Excess is how many more calls arrived than a rate allows. It looks at every window from one call to a later one,
// compares the calls with the number that the rate allows in the measured length of that window, and returns the
// largest difference.
//
// Calls that are sent by a token bucket exceed the rate by its burst at most. A slow machine can delay calls on their
// way, so that they arrive together: this adds at most the number of calls that can be on their way at a time.
func Excess(times []time.Time, perSecond int) int {
	sorted := slices.SortedFunc(slices.Values(times), time.Time.Compare)
	most, excess := 0.0, 0.0
	for i, at := range sorted {
		if i > 0 {
			excess = max(0, excess-at.Sub(sorted[i-1]).Seconds()*float64(perSecond))
		}
		excess++
		most = max(most, excess)
	}
	return int(math.Floor(most + 1e-6)) // rounds to whole calls; float seconds are not exact
}
