package overload

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// hostile are a service's possible answers for single users: failures that may be the users' own or the service's, and
// answers that take a client's time and memory.
var hostile = map[string]chimetest.Answer{
	"403":                   {Code: "AccessDeniedException", Status: 403},
	"500":                   {Code: "InternalFailure", Status: 500},
	"page":                  {Status: 200, Body: "<html>sign in</html>"},
	"page of a proxy":       {Status: 403, Body: "<html>blocked</html>"},
	"429":                   {Code: "ThrottledClientException", Status: 429},
	"hang":                  {Cut: chimetest.Hang},
	"reset":                 {Cut: chimetest.Reset},
	"half a header":         {Cut: chimetest.HalfHeader},
	"101":                   {Raw: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"},
	"100 and 103":           {Raw: strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 200)},
	"long header":           {Raw: "HTTP/1.1 204 No Content\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n"},
	"not HTTP":              {Raw: "\x00\x00\x12\x04\x00\x00\x00\x00\x00"},
	"a byte at a time":      {Status: 500, Body: "x", BodySize: 1 << 20, Drip: 100 * time.Millisecond},
	"a body without an end": {Status: 500, BodySize: 1 << 30},
}

// gracePeriod of the operator's pod, in config/manager.
const gracePeriod = 30 * time.Second

// TestGoodBesideBad: objects that fail through their own fault do not keep good ones from being called for, in the same
// namespace or in another. Before the test, the service has answered no good object.
func TestGoodBesideBad(t *testing.T) {
	for _, kind := range []string{"403", "500", "page", "hang"} {
		for _, bad := range suite.Either([]int{12}, []int{12, 25, 1000}) {
			t.Run(kind, func(t *testing.T) {
				x := newTarget(t, "bad", limit{perSecond: 10, burst: 5}, chimetest.Options{})
				other := newTenant(t, "other", x.service, x.provider)
				good := newTenant(t, "good", x.service, x.provider)
				good.namespace = x.namespace // the same as the bad ones'
				startOperator(t, none, x)
				x.script(hostile[kind], bad)
				x.create(t, bad)
				x.follow(t, func(chimetest.Entry) bool { return true }) // a call was made for the first of them

				turn := time.Duration(bad) * time.Second / 10
				began := time.Now()
				elsewhere, here := other.create(t, 4), good.create(t, 4)
				other.awaitUsers(t, 0, elsewhere)
				figures.AtMost(t, kind+": time for another namespace", time.Since(began), 10*time.Second, suite.Full())
				good.awaitUsers(t, 0, here)
				figures.AtMost(t, kind+": time for the same namespace", time.Since(began), turn+time.Minute,
					suite.Full())
				for user, u := range records(x.Journal()) { // each of the bad ones waits for its own backoff, at least
					if most := 2 + int(time.Since(began)/(15*time.Second)); u.done == 0 && u.failed > 10+most {
						t.Errorf("%s: %d calls", user, u.failed)
					}
				}
			})
		}
	}
}

// script makes the service answer the next n objects of the target in a hostile way, for ever.
func (x *target) script(a chimetest.Answer, n int) {
	a.Times = chimetest.Forever
	for i := range n {
		x.Script(account, x.name(len(x.creation())+i), a)
	}
}

// TestHostileTenant: fifty objects of every hostile kind do not slow down another tenant of the same provider, and
// after SIGTERM the operator ends within its grace period whatever is in progress.
func TestHostileTenant(t *testing.T) {
	x := newTarget(t, "hostile", normal, chimetest.Options{})
	other := newTenant(t, "other", x.service, x.provider)
	o := startOperator(t, none, x)
	alone := other.rounds(t, o, suite.Either(0, 2*time.Minute))

	for _, a := range hostile {
		each := suite.Either(3, 50)
		x.script(a, each)
		x.create(t, each)
	}
	x.follow(t, func(e chimetest.Entry) bool { return e.UserID != "" })
	beside := other.rounds(t, o, suite.Either(0, 10*time.Minute))
	reasons := x.objects.reasons()
	deleteAll(t, x.namespace)
	// Measure with as many finished objects as there were beside the hostile ones.
	again := other.rounds(t, o, suite.Either(0, 2*time.Minute))

	steady := figures.Quantile(append(alone.steady, again.steady...), 0.99)
	figures.Note(t, "p99 for ten objects of the other tenant, alone", steady)
	figures.AtMost(t, "p99 for ten objects of the other tenant, beside", figures.Quantile(beside.steady, 0.99), steady*12/10,
		suite.Full())
	figures.Note(t, "SIGTERMs", len(alone.stopped)+len(beside.stopped)+len(again.stopped))
	figures.AtMost(t, "longest time from SIGTERM to exit", slices.Max(beside.stopped), gracePeriod, suite.Full())
	figures.Note(t, "median time for ten objects and a start, alone", figures.Quantile(alone.started, 0.5))
	// An operator that has just started does not know the bad objects.
	figures.Note(t, "median time for ten objects and a start, beside", figures.Quantile(beside.started, 0.5))
	other.verify(t, 0)
	for reason, n := range reasons {
		if reason == v1alpha1.ReasonLoggedOut {
			t.Errorf("%d hostile answers were taken for a success", n)
		}
	}
}

// rounds is how long ten objects took, in repeated rounds. The stops of the operator and the rounds in which it started
// are separate: with one start in a hundred, chance would decide whether the 99th percentile is that of a start.
type rounds struct {
	steady, stopped, started []time.Duration
}

// rounds logs ten objects out again and again for this length, and at least once during a start of the operator. It
// uses half of the provider's limit: with all of it, the objects would wait for the limit, and each call of another
// tenant would count.
func (x *target) rounds(t *testing.T, o *operator, length time.Duration) (r rounds) {
	t.Helper()
	began := time.Now()
	next := time.NewTicker(2 * 10 * time.Second / time.Duration(normal.perSecond))
	defer next.Stop()
	for n := 1; len(r.started) == 0 || time.Since(began) < length; n++ {
		<-next.C
		if n%suite.Either(2, 100) != 0 {
			r.steady = append(r.steady, x.logOut(t, 10))
			continue
		}
		r.stopped = append(r.stopped, o.restart(t, sigterm))
		r.started = append(r.started, x.logOut(t, 10))
	}
	return r
}
