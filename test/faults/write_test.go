package faults

import (
	"net/http"
	"slices"
	"testing"
)

// writeFaults are faults of the writes of one object, and the calls and attempts that the object takes in all.
var writeFaults = []struct {
	name            string
	write           kind
	faults          []fault
	calls, attempts int
}{
	{"claim conflicts", claim, times(1, refused(http.StatusConflict)), 1, 1},
	{"claim throttled", claim, times(1, refused(http.StatusTooManyRequests, "Retry-After", "1")), 1, 1},
	{"claim fails", claim, times(1, refused(http.StatusInternalServerError)), 1, 1},
	{"claim reset", claim, times(1, dropped), 1, 1},
	{"claim stored, answer lost", claim, times(1, unanswered), 1, 2},
	{"claim stored, answered 503", claim, times(1, denied(http.StatusServiceUnavailable, "Retry-After", "1")), 1, 2},

	{"outcome conflicts", outcome, times(1, refused(http.StatusConflict)), 1, 1},
	{"outcome throttled", outcome, times(1, refused(http.StatusTooManyRequests, "Retry-After", "1")), 1, 1},
	{"outcome fails", outcome, times(3, refused(http.StatusInternalServerError)), 1, 1},
	{"outcome reset", outcome, times(1, dropped), 1, 1},
	{"outcome stored, answer lost", outcome, times(1, unanswered), 1, 1},
	{"outcome stored, answered 503", outcome, times(1, denied(http.StatusServiceUnavailable, "Retry-After", "1")), 1, 1},
	{"outcome lost in every way", outcome,
		slices.Concat(times(2, dropped), times(2, refused(http.StatusGatewayTimeout)), times(2, unanswered)), 1, 1},
	{"outcome forbidden", outcome, times(1, refused(http.StatusForbidden)), 2, 2}, // waiting does not help: as after a crash
}

// TestWrites: whatever becomes of a claim or an outcome, a process that lives does not repeat the call, unless the
// outcome is refused for good.
func TestWrites(t *testing.T) {
	figures := newFigures(t, "fault", "calls", "claims written", "outcomes written")
	p := newProxy(t)
	startOperator(t, p)
	for i, tc := range writeFaults {
		name := nameFor(t, i)
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p.meet(tc.write, name, tc.faults...)
			verify(t, create(t, name), tc.calls, tc.attempts)
		})
	}
	// When all are finished, because the operator may try once more to store what is stored already.
	t.Cleanup(func() {
		for i, tc := range writeFaults {
			name := nameFor(t, i)
			figures.row(tc.name, service.Calls(account, name), p.writes(claim, name), p.writes(outcome, name))
		}
	})
}
