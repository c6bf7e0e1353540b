package faults

import (
	"net/http"
	"slices"
	"testing"

	"github.com/logout-operator/logout-operator/test/apiproxy"
)

// writeFaults are faults of the writes of one object, and the calls and attempts that the object takes in all.
var writeFaults = []struct {
	name            string
	write           apiproxy.Kind
	faults          []apiproxy.Fault
	calls, attempts int
}{
	{"claim conflicts", apiproxy.Claim, apiproxy.Times(1, apiproxy.Refused(http.StatusConflict)), 1, 1},
	{"claim throttled", apiproxy.Claim, apiproxy.Times(1, apiproxy.Refused(http.StatusTooManyRequests, "Retry-After", "1")), 1, 1},
	{"claim fails", apiproxy.Claim, apiproxy.Times(1, apiproxy.Refused(http.StatusInternalServerError)), 1, 1},
	{"claim reset", apiproxy.Claim, apiproxy.Times(1, apiproxy.Dropped), 1, 1},
	{"claim stored, answer lost", apiproxy.Claim, apiproxy.Times(1, apiproxy.Unanswered), 1, 2},
	{"claim stored, answered 503", apiproxy.Claim, apiproxy.Times(1, apiproxy.Denied(http.StatusServiceUnavailable, "Retry-After", "1")), 1, 2},

	{"outcome conflicts", apiproxy.Outcome, apiproxy.Times(1, apiproxy.Refused(http.StatusConflict)), 1, 1},
	{"outcome throttled", apiproxy.Outcome, apiproxy.Times(1, apiproxy.Refused(http.StatusTooManyRequests, "Retry-After", "1")), 1, 1},
	{"outcome fails", apiproxy.Outcome, apiproxy.Times(3, apiproxy.Refused(http.StatusInternalServerError)), 1, 1},
	{"outcome reset", apiproxy.Outcome, apiproxy.Times(1, apiproxy.Dropped), 1, 1},
	{"outcome stored, answer lost", apiproxy.Outcome, apiproxy.Times(1, apiproxy.Unanswered), 1, 1},
	{"outcome stored, answered 503", apiproxy.Outcome, apiproxy.Times(1, apiproxy.Denied(http.StatusServiceUnavailable, "Retry-After", "1")), 1, 1},
	{"outcome lost in every way", apiproxy.Outcome,
		slices.Concat(apiproxy.Times(2, apiproxy.Dropped), apiproxy.Times(2, apiproxy.Refused(http.StatusGatewayTimeout)), apiproxy.Times(2, apiproxy.Unanswered)), 1, 1},
	{"outcome forbidden", apiproxy.Outcome, apiproxy.Times(1, apiproxy.Refused(http.StatusForbidden)), 2, 2}, // waiting does not help: as after a crash
}

// TestWrites: whatever becomes of a claim or an outcome, a process that lives does not repeat the call, unless the
// outcome is refused for good.
func TestWrites(t *testing.T) {
	figures := newFigures(t, "fault", "calls", "claims written", "outcomes written")
	p := apiproxy.New(t, plane.Config)
	startOperator(t, p)
	for i, tc := range writeFaults {
		name := nameFor(t, i)
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p.Meet(tc.write, name, tc.faults...)
			verify(t, create(t, name), tc.calls, tc.attempts)
		})
	}
	// When all are finished, because the operator may try once more to store what is stored already.
	t.Cleanup(func() {
		for i, tc := range writeFaults {
			name := nameFor(t, i)
			figures.row(tc.name, service.Calls(account, name), len(p.Answers(apiproxy.Claim, name)), len(p.Answers(apiproxy.Outcome, name)))
		}
	})
}
