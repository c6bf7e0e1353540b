package soak

import (
	"net/http"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
)

// call is a call for the user, so many seconds after midnight. The number is also its request ID.
func call(second, status int) chimetest.Entry {
	at := time.Date(2026, 1, 1, 0, 0, second, 0, time.UTC)
	return chimetest.Entry{Call: chimetest.Call{Time: at, UserID: "user", RequestID: at.Format("05")}, Status: status}
}

func TestJudge(t *testing.T) {
	const done = http.StatusNoContent
	out := member{finished: true, reason: v1alpha1.ReasonLoggedOut, stored: []string{"01"}}
	again := out
	again.stored = []string{"09"}
	both := out
	both.stored = []string{"01", "09"}
	foreign := out
	foreign.stored = []string{"00"}
	killed := []death{{call(2, 0).Time, call(3, 0).Time}}
	for name, tc := range map[string]struct {
		member                               member
		calls                                []chimetest.Entry
		deaths                               []death
		lost, repeated, unexplained, foreign int
	}{
		"one call":        {member: out, calls: []chimetest.Entry{call(1, done)}},
		"failures before": {member: out, calls: []chimetest.Entry{call(0, 503), call(0, 0), call(1, done)}},
		"no call":         {member: member{finished: true, reason: v1alpha1.ReasonLoggedOut}, lost: 1},
		"only failures": {member: member{reason: v1alpha1.ReasonThrottled},
			calls: []chimetest.Entry{call(1, 429)}, lost: 1},
		"not finished": {member: member{stored: []string{"01"}}, calls: []chimetest.Entry{call(1, done)},
			lost: 1},
		"finished otherwise":       {member: member{finished: true, reason: v1alpha1.ReasonNotFound}, lost: 1},
		"deleted, not called for":  {member: member{deleted: true}},
		"deleted, called for once": {member: member{deleted: true}, calls: []chimetest.Entry{call(1, done)}},
		"deleted, twice": {member: member{deleted: true},
			calls: []chimetest.Entry{call(1, done), call(9, done)}, repeated: 1, unexplained: 1},
		"repeated": {member: again, calls: []chimetest.Entry{call(1, done), call(9, done)}, repeated: 1,
			unexplained: 1},
		"killed, repeated": {member: again, calls: []chimetest.Entry{call(1, done), call(9, done)}, deaths: killed,
			repeated: 1},
		"killed, repeated twice": {member: again, calls: []chimetest.Entry{call(1, done), call(6, done), call(9, done)},
			deaths:   killed,
			repeated: 2, unexplained: 1},
		"killed before": {member: again, calls: []chimetest.Entry{call(4, done), call(9, done)}, deaths: killed,
			repeated: 1, unexplained: 1},
		"killed, repeated although stored": {member: both, calls: []chimetest.Entry{call(1, done), call(9, done)},
			deaths:   killed,
			repeated: 1, unexplained: 1},
		"another's outcome": {member: foreign, calls: []chimetest.Entry{call(1, done)}, foreign: 1},
	} {
		tc.member.user = "user"
		v := judge(map[types.UID]*member{"uid": &tc.member}, tc.calls, tc.deaths)
		if v.lost != tc.lost || v.repeated != tc.repeated || v.unexplained != tc.unexplained ||
			v.foreign != tc.foreign {
			t.Errorf("%s: %+v, want %d lost, %d repeated, %d unexplained, %d foreign", name, v, tc.lost, tc.repeated,
				tc.unexplained, tc.foreign)
		}
	}
}
