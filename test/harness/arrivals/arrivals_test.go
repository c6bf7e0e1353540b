package arrivals_test

import (
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/harness/arrivals"
)

func TestExcess(t *testing.T) {
	midnight := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	every := func(n int, apart, from time.Duration) (times []time.Time) {
		for i := range n {
			times = append(times, midnight.Add(from+time.Duration(i)*apart))
		}
		return times
	}
	for _, tc := range []struct {
		name  string
		times []time.Time
		want  int
	}{
		{"none", nil, 0},
		{"one", every(1, 0, 0), 1},
		{"at the rate", every(100, 100*time.Millisecond, 0), 1},
		{"twice the rate for a second", every(21, 50*time.Millisecond, 0), 11},
		{"slower", every(10, time.Second, 0), 1},
		{"a burst, then the rate", append(every(5, 0, 0), every(50, 100*time.Millisecond, 100*time.Millisecond)...), 5},
		{"nothing for a second, then what was missed",
			append(every(10, 100*time.Millisecond, 0), every(11, 0, 2*time.Second)...), 11},
		{"in another order", append(every(5, 0, time.Hour), every(7, 0, 0)...), 7},
		{"two bursts that are not far enough apart",
			append(every(10, 0, 0), every(10, 0, 500*time.Millisecond)...), 15},
	} {
		if got := arrivals.Excess(tc.times, 10); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}
