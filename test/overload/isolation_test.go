package overload

import (
	"net/http"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// TestTwoNamespaces: ten objects of one namespace do not wait for the hundreds of another that use the same provider
// and came first. All wait while the service is down, so that the test knows which objects wait when it is back:
// neither the test's nor the operator's speed matters.
func TestTwoNamespaces(t *testing.T) {
	const ten, many = 10, 300
	big := newTarget(t, "big", limit{perSecond: 50, burst: 5}, chimetest.Options{})
	small := newTenant(t, "small", big.service, big.provider)
	startOperator(t, none, big)
	unavailable.begin(t, big)
	big.create(t, many)
	small.create(t, ten)
	big.objects.awaitSeen(t, many)
	small.objects.awaitSeen(t, ten)
	unavailable.end(t, big)

	calls, last, users := 0, 0, small.creation()
	big.follow(t, func(e chimetest.Entry) bool {
		_, ours := users[e.UserID]
		if e.Status != http.StatusNoContent { // a probe: that user's object waits for its own backoff
			delete(users, e.UserID)
			return false
		}
		if calls++; ours {
			delete(users, e.UserID)
			last = calls
		}
		return len(users) == 0
	})
	// The other namespace starts earlier by as many calls, and answers can overtake each other.
	figures.AtMost(t, "calls until all were logged out", last, 40, true)
	big.verify(t, 0)
	small.verify(t, 0)
}

// TestBesideThousands: ten objects do not wait for thousands of another namespace whose calls are in progress; they
// take no longer than alone.
func TestBesideThousands(t *testing.T) {
	if !suite.Full() {
		t.Skip("only with -full: a time is all that it gives")
	}
	const ten = 10
	big := newTarget(t, "big", limit{perSecond: 50, burst: 5}, chimetest.Options{})
	small := newTenant(t, "small", big.service, big.provider)
	startOperator(t, none, big)
	var alone, beside []time.Duration
	for range 5 {
		alone = append(alone, small.logOut(t, ten))
	}
	big.create(t, 9000)
	for range 5 { // each time after a while, like a namespace with occasional logouts
		const more = 1000
		before := big.Calls("", "")
		big.create(t, more)
		big.awaitLoggedOut(t, before+more)
		beside = append(beside, small.logOut(t, ten))
	}
	if big.objects.unfinished() == 0 {
		t.Error("no object of the other namespace waited any more")
	}
	figures.Note(t, "median time for ten alone", figures.Quantile(alone, 0.5))
	figures.AtMost(t, "median time for ten beside thousands", figures.Quantile(beside, 0.5), 2*figures.Quantile(alone, 0.5), true)
	big.verify(t, 0)
	small.verify(t, 0)
}

// TestTwoProviders: a provider whose service is broken, and for which many objects wait, does not slow down another
// provider. The other cases are compared with "alone", if that runs. The rate leaves capacity of the shared API server
// unused, because the test measures the operator.
func TestTwoProviders(t *testing.T) {
	var alone time.Duration
	for _, tc := range []struct {
		name   string
		broken *chimetest.Answer // the answer to every call to the other provider; nil if there is no other
	}{
		{"alone", nil},
		{"beside 503", &chimetest.Answer{Code: "ServiceUnavailableException", Times: chimetest.Forever}},
		{"beside hanging calls", &chimetest.Answer{Cut: chimetest.Hang, Times: chimetest.Forever}},
		{"beside 429", &chimetest.Answer{Code: throttledCode, Header: map[string]string{"Retry-After": "5"},
			Times: chimetest.Forever}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.broken == nil && !suite.Full() {
				t.Skip("only with -full: a time is all that it gives")
			}
			healthy := newTarget(t, "healthy", limit{perSecond: 50, burst: 5}, chimetest.Options{})
			all := []*target{healthy}
			if tc.broken != nil {
				all = append(all, newTarget(t, "broken", normal, chimetest.Options{}))
			}
			startOperator(t, none, all...)
			for _, other := range all[1:] {
				other.Script("", "", *tc.broken)
				other.create(t, suite.Either(200, 9000))
				other.follow(t, func(chimetest.Entry) bool { return true })
			}
			healthy.create(t, suite.Either(200, 1000))
			p99 := figures.Quantile(healthy.verify(t, 0).finishes, 0.99)
			for _, other := range all[1:] {
				figures.Note(t, "calls to the broken service", other.Calls("", ""))
			}
			const what = "p99 of the times from the first creation to a logout"
			if tc.broken == nil {
				alone = p99
			}
			if alone == 0 {
				figures.Note(t, what, p99)
				return
			}
			figures.AtMost(t, what, p99, alone*12/10, suite.Full())
		})
	}
}

// logOut creates n objects and waits until their users are logged out. It returns how long that took in total.
func (x *target) logOut(t *testing.T, n int) time.Duration {
	t.Helper()
	began, before := time.Now(), x.Calls("", "")
	return x.awaitUsers(t, before, x.create(t, n)).Sub(began)
}
