package overload

import (
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/figures"
)

// result is the result of all objects of a target.
type result struct {
	entries []chimetest.Entry // of the service's journal, for their users
	// failures are the calls that were answered 429 or 503.
	failures int
	// unseen counts attempts without a call at the service: it was unreachable, or the operator was killed before the
	// call.
	unseen int
	// took is the time from the creation of the first object to the answer to the last.
	took time.Duration
	// finishes are the times from the creation of the first object to the answers that logged each user out. Counted
	// from each object's own creation, they would be longer the faster the objects are created.
	finishes []time.Duration
}

// verify waits until all objects of the target have finished, and checks the rules that hold in every scenario: one
// call logs out every user, apart from so many repeats, and the service rejected every other call.
func (x *target) verify(t *testing.T, repeats int) result {
	t.Helper()
	creation := x.creation()
	members := x.objects.awaitFinished(t, len(creation))
	r := result{entries: of(x.Journal(), creation)}
	r.failures = answered(r.entries, http.StatusTooManyRequests, http.StatusServiceUnavailable)
	byUser := records(r.entries)

	first := slices.MinFunc(slices.Collect(maps.Values(creation)), time.Time.Compare)
	repeated, lost, attempts := 0, 0, 0
	for name := range creation {
		m, u := members[name], byUser[name]
		attempts += m.attempts
		if u.done == 0 || m.reason != v1alpha1.ReasonLoggedOut {
			if lost++; lost == 1 { // one example is enough
				t.Errorf("%s: %d calls logged the user out, and the object finished as %q", name, u.done, m.reason)
			}
			continue
		}
		repeated += u.done - 1
		if m.attempts < u.done+u.failed {
			t.Errorf("%s: %d attempts, but %d calls", name, m.attempts, u.done+u.failed)
		}
		r.finishes = append(r.finishes, u.doneAt.Sub(first))
	}
	r.unseen, r.took = attempts-len(r.entries)-x.objects.uncalled, figures.Quantile(r.finishes, 1)

	figures.Note(t, "objects", len(creation))
	figures.Note(t, "calls", len(r.entries))
	figures.Note(t, "attempts that ended before their call", x.objects.uncalled)
	figures.Note(t, "attempts without a call", r.unseen)
	figures.AtMost(t, "objects lost", lost, 0, true)
	figures.AtMost(t, "calls repeated", repeated, repeats, true)
	figures.AtMost(t, "calls that are neither a logout nor answered 429 or 503",
		len(r.entries)-len(creation)-repeated-r.failures, 0, true)
	figures.AtMost(t, "objects whose attempts went down", len(x.objects.setbacks), 0, true)
	return r
}
