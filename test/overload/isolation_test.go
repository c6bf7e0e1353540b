package overload

import (
	"sync"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/await"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/figures"
)

// TestTwoNamespaces: ten objects of one namespace do not wait for the thousands of another that use the same provider.
func TestTwoNamespaces(t *testing.T) {
	const ten = 10
	big := newTarget(t, "big", either(limit{perSecond: 50, burst: 5}, normal), chimetest.Options{})
	small := newTenant(t, "small", big.service, big.provider)
	if !*full {
		startOperatorWith(t, []string{"--call-timeout=2m", "--visibility-timeout=4m"}, big) // calls are held for as long as it takes
		big.create(t, 300)
		calls := small.logOutAmongHeld(t, ten)
		figures.AtMost(t, "calls until all ten were logged out", calls, workers+ten, true) // those that were held, and their own
		verifyBoth(t, big, small)
		return
	}
	startOperator(t, none, big)
	var alone, beside []time.Duration
	for range 5 { // it takes the head start
		took, _ := small.logOut(t, ten)
		alone = append(alone, took)
	}
	big.create(t, 9000)
	for range 5 { // each after a while, as of a namespace that has logouts now and then
		const more = 1000
		before := big.Calls("", "")
		big.create(t, more)
		big.awaitLoggedOut(t, before+more)
		took, calls := small.logOut(t, ten)
		beside = append(beside, took)
		figures.AtMost(t, "calls until all ten were logged out", calls, 40, true)
	}
	figures.Note(t, "median time for ten alone", quantile(alone, 0.5))
	figures.AtMost(t, "median time for ten beside thousands", quantile(beside, 0.5), 2*quantile(alone, 0.5), true)
	verifyBoth(t, big, small)
}

func verifyBoth(t *testing.T, big, small *target) {
	t.Helper()
	if big.objects.unfinished() == 0 {
		t.Error("no object of the other namespace waited any more")
	}
	big.verify(t, 0)
	small.verify(t, 0)
}

// logOutAmongHeld creates n objects while as many calls as there can be are held at the service, and lets these go when
// the operator has seen the objects. It returns how many calls have been answered from then on until the users of all
// of them were logged out. So the count does not depend on how long it takes to create the objects, or to see them: no
// call is made meanwhile.
func (x *target) logOutAmongHeld(t *testing.T, n int) (calls int) {
	t.Helper()
	var held await.State
	arrived, over := 0, make(chan struct{})
	x.Intercept(func(chimetest.Call) *chimetest.Answer {
		held.Change(func() { arrived++ })
		<-over
		return nil
	})
	release := sync.OnceFunc(func() { x.Intercept(nil); close(over) })
	t.Cleanup(release)
	held.Await(t, "calls to be held", func() bool { return arrived >= workers })
	before := len(x.Journal())
	users := x.create(t, n)
	// What is created after them is seen after them; and it is told at once that there is no such provider.
	marker := newTenant(t, "marker", x.service, "no-such-provider")
	marker.create(t, 1)
	marker.objects.Await(t, "the object that was created last to be seen", func() bool {
		for _, m := range marker.objects.members {
			return m.reason == v1alpha1.ReasonProviderNotFound
		}
		return false
	})
	release()
	x.awaitUsers(t, users)
	byUser := records(x.Journal())
	for _, user := range users {
		calls = max(calls, byUser[user].position-before)
	}
	return calls
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
