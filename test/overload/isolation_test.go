package overload

import (
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/figures"
)

// TestTwoNamespaces: ten objects of one namespace do not wait for the thousands of another that use the same provider.
func TestTwoNamespaces(t *testing.T) {
	const ten = 10
	big := newTarget(t, "big", either(limit{perSecond: 50, burst: 5}, normal), chimetest.Options{})
	small := newTenant(t, "small", big.service, big.provider)
	startOperator(t, none, big)
	var alone, beside []time.Duration
	for range either(0, 5) { // it takes the head start, which the small form has no time to wait for
		took, _ := small.logOut(t, ten)
		alone = append(alone, took)
	}

	big.create(t, either(300, 9000))
	for try := range either(1, 5) {
		if *full || try > 0 { // after a while, as of a namespace that has logouts now and then
			const more = 1000
			before := big.Calls("", "")
			big.create(t, more)
			big.awaitLoggedOut(t, before+more)
		}
		took, calls := small.logOut(t, ten)
		beside = append(beside, took)
		figures.AtMost(t, "calls until all ten were logged out", calls, either(60, 40), true) // up to 50 may be under way
	}
	if big.objects.unfinished() == 0 {
		t.Error("no object of the other namespace waited any more")
	}
	if *full {
		figures.Note(t, "median time for ten alone", quantile(alone, 0.5))
		figures.AtMost(t, "median time for ten beside thousands", quantile(beside, 0.5), 2*quantile(alone, 0.5), true)
	}
	big.verify(t, 0)
	small.verify(t, 0)
}

// TestTwoProviders: a provider whose service is broken, and for which many objects wait, does not slow down another.
// The others are compared with "alone", if that is run. The rate leaves something to spare of the API server, which all
// share: what is measured is the operator.
func TestTwoProviders(t *testing.T) {
	var alone time.Duration
	for _, tc := range []struct {
		name   string
		broken *chimetest.Answer // what every call to the other provider gets; nil if there is no other
	}{
		{"alone", nil},
		{"beside 503", &chimetest.Answer{Code: "ServiceUnavailableException", Times: chimetest.Forever}},
		{"beside hanging calls", &chimetest.Answer{Cut: chimetest.Hang, Times: chimetest.Forever}},
		{"beside 429", &chimetest.Answer{Code: throttledCode, Header: map[string]string{"Retry-After": "5"}, Times: chimetest.Forever}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.broken == nil && !*full {
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
				other.create(t, either(200, 9000))
				other.follow(t, func(chimetest.Entry) bool { return true })
			}
			healthy.create(t, either(200, 1000))
			p99 := quantile(healthy.verify(t, 0).finishes, 0.99)
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
			figures.AtMost(t, what, p99, alone*12/10, *full)
		})
	}
}

// logOut creates n objects and waits until their users are logged out. It returns how long that took in all, and how
// many calls the service got since they were there, their own among them.
func (x *target) logOut(t *testing.T, n int) (took time.Duration, calls int) {
	t.Helper()
	began := time.Now()
	users := x.create(t, n)
	before := x.Calls("", "")
	x.awaitUsers(t, users)
	byUser := records(x.Journal())
	for _, user := range users {
		took = max(took, byUser[user].doneAt.Sub(began))
		calls = max(calls, byUser[user].position-before)
	}
	return took, calls
}
