package overload

import (
	"maps"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/chimetest"
)

var midnight = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// at is a call that arrived so long after midnight and was answered a millisecond later.
func at(after time.Duration, user string, status int) chimetest.Entry {
	return chimetest.Entry{
		Call:   chimetest.Call{Time: midnight.Add(after), UserID: user},
		Status: status, Duration: time.Millisecond,
	}
}

func TestRecords(t *testing.T) {
	entries := []chimetest.Entry{
		at(0, "a", 429), at(time.Second, "a", 204), at(2*time.Second, "a", 204), at(3*time.Second, "b", 0),
	}
	for i := range entries {
		entries[i].Number = i + 1
	}
	want := map[string]record{
		"a": {done: 2, failed: 1, doneAt: midnight.Add(time.Second + time.Millisecond), position: 2},
		"b": {failed: 1},
	}
	if got := records(entries); !maps.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := answered(entries, 429, 0); got != 2 {
		t.Errorf("answered 429 or not at all: %d, want 2", got)
	}
}

func TestPeakAndSince(t *testing.T) {
	const half = 500 * time.Millisecond
	// In the order of the answers; the window is half open, so that 100 calls a second, evenly spaced, peak at 100.
	entries := []chimetest.Entry{at(half, "b", 0), at(0, "a", 0), at(2*half, "c", 0), at(3*half-1, "d", 0),
		at(9*half, "e", 0)}
	for _, tc := range []struct {
		from time.Duration
		want int
	}{{0, 3}, {half, 3}, {half + 1, 2}, {2 * half, 2}, {3 * half, 1}, {10 * half, 0}} {
		if got := peak(since(entries, midnight.Add(tc.from)), time.Second); got != tc.want {
			t.Errorf("from %s on: peak %d, want %d", tc.from, got, tc.want)
		}
	}
}
