package overload

import (
	"net/http"
	"slices"
	"time"

	"github.com/logout-operator/logout-operator/test/chimetest"
)

// record summarises the journal for one user.
type record struct {
	done     int       // calls that logged the user out: one, unless a call was repeated
	failed   int       // all other calls
	doneAt   time.Time // of the first call that did
	position int       // of that call in the journal, from 1
}

// records groups the journal by user.
func records(entries []chimetest.Entry) map[string]record {
	all := map[string]record{}
	for _, e := range entries {
		r := all[e.UserID]
		switch {
		case e.Status != http.StatusNoContent:
			r.failed++
		case r.done == 0:
			r.doneAt, r.position = answeredAt(e), e.Number
			r.done++
		default:
			r.done++
		}
		all[e.UserID] = r
	}
	return all
}

// answeredAt is when the service sent the answer to the call.
func answeredAt(e chimetest.Entry) time.Time { return e.Time.Add(e.Duration) }

// answered counts the calls answered with any of the statuses.
func answered(entries []chimetest.Entry, statuses ...int) (n int) {
	for _, e := range entries {
		if slices.Contains(statuses, e.Status) {
			n++
		}
	}
	return n
}

// of leaves out the calls for other users.
func of[T any](entries []chimetest.Entry, users map[string]T) []chimetest.Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e chimetest.Entry) bool {
		_, ok := users[e.UserID]
		return !ok
	})
}

// since leaves out the calls that arrived before the time.
func since(entries []chimetest.Entry, t time.Time) []chimetest.Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e chimetest.Entry) bool { return e.Time.Before(t) })
}

// peak is the number of calls in the busiest window of this length, wherever it begins.
func peak(entries []chimetest.Entry, window time.Duration) (most int) {
	// The journal is in the order of the answers.
	arrivals := slices.SortedFunc(slices.Values(times(entries)), time.Time.Compare)
	first := 0
	for last, t := range arrivals {
		for t.Sub(arrivals[first]) >= window {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// times are when the calls arrived.
func times(entries []chimetest.Entry) (all []time.Time) {
	for _, e := range entries {
		all = append(all, e.Time)
	}
	return all
}
