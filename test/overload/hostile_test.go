package overload

import (
	"strings"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/figures"
)

// hostile is what a service can answer for single users: failures that may be the users' own or the service's, and
// answers that wear a client down.
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

// TestGoodBesideBad: objects that fail by themselves keep no good one from being called, be it of their own namespace or
// of another. Nothing good is known of the service before.
func TestGoodBesideBad(t *testing.T) {
	for _, kind := range []string{"403", "500", "page", "hang"} {
		for _, bad := range either([]int{12}, []int{12, 25, 1000}) {
			t.Run(kind, func(t *testing.T) {
				x := newTarget(t, "bad", limit{perSecond: 10, burst: 5}, chimetest.Options{})
				other := newTenant(t, "other", x.service, x.provider)
				good := newTenant(t, "good", x.service, x.provider)
				good.namespace = x.namespace // the same as the bad ones'
				startOperator(t, none, x)
				x.script(hostile[kind], bad)
				x.create(t, bad)
				x.follow(t, func(chimetest.Entry) bool { return true }) // the first of them has been called for

				turn := time.Duration(bad) * time.Second / 10
				began := time.Now()
				elsewhere, here := other.create(t, 4), good.create(t, 4)
				other.awaitUsers(t, elsewhere)
				figures.AtMost(t, kind+": time for another namespace", time.Since(began), 10*time.Second, *full)
				good.awaitUsers(t, here)
				figures.AtMost(t, kind+": time for the same namespace", time.Since(began), turn+time.Minute, *full)
				for user, u := range records(x.Journal()) { // each of the bad ones by its own backoff, at least
					if most := 2 + int(time.Since(began)/(15*time.Second)); u.done == 0 && u.failed > 10+most {
						t.Errorf("%s: %d calls", user, u.failed)
					}
				}
			})
		}
	}
}

// script has the next n objects of the target be answered in a hostile way, for ever.
func (x *target) script(a chimetest.Answer, n int) {
	a.Times = chimetest.Forever
	for i := range n {
		x.Script(account, x.name(len(x.creation())+i), a)
	}
}

// TestHostileTenant: fifty objects of every hostile kind take nothing from another tenant of the same provider, and
// SIGTERM ends the operator in its time whatever is under way.
func TestHostileTenant(t *testing.T) {
	x := newTarget(t, "hostile", normal, chimetest.Options{})
	other := newTenant(t, "other", x.service, x.provider)
	o := startOperator(t, none, x)
	rounds := func(until func() bool) (times []time.Duration) {
		for done := false; !done; done = until() {
			times = append(times, other.logOut(t, 10))
		}
		return times
	}
	n := 0
	alone := quantile(rounds(func() bool { n++; return n >= either(1, 100) }), 0.99)

	for _, a := range hostile {
		each := either(3, 50)
		x.script(a, each)
		x.create(t, each)
	}
	x.follow(t, func(e chimetest.Entry) bool { return e.UserID != "" })
	began, terminated := time.Now(), 0
	n = 0
	beside := quantile(rounds(func() bool {
		n++
		if n%either(2, 100) == 0 {
			o.restart(t, sigterm)
			terminated++
		}
		return terminated > 0 && (!*full || time.Since(began) > 10*time.Minute)
	}), 0.99)
	figures.Note(t, "SIGTERMs, each within the grace period", terminated)
	figures.Note(t, "p99 for ten objects of the other tenant, alone", alone)
	figures.AtMost(t, "p99 for ten objects of the other tenant, beside", beside, alone*12/10, *full)
	other.verify(t, 0)
	for reason, n := range x.objects.reasons() {
		if reason == v1alpha1.ReasonLoggedOut {
			t.Errorf("%d hostile answers were taken for a success", n)
		}
	}
}
