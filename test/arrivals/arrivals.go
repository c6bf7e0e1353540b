// Package arrivals holds calls, by when they came, to a rate, over whatever time they came in.
package arrivals

import (
	"math"
	"slices"
	"time"
)

// Excess is how many calls came beyond a rate at most: of all windows, from one call to any later one, the most calls less
// what the rate allows in the measured length of that window. Calls that leave at a rate with a burst have an excess of the
// burst at most. As each may be late on its way, those that can be on their way at a time may come on top; how slow the
// machine is does not matter.
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
	return int(math.Floor(most + 1e-6)) // a whole number of calls; seconds are not exact
}
