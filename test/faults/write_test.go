package faults

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/figures"
)

// lateClaim is more than three quarters of an attempt's time: the operator starts no call in the remaining time.
const lateClaim = callTimeout * 85 / 100

func answeredLate(forward func() apiproxy.Response) apiproxy.Response {
	answer := forward()
	<-time.After(lateClaim)
	return answer
}

// writeFaults are faults of the writes of one object, and the calls and attempts that the object takes in total.
var writeFaults = []struct {
	name            string
	write           apiproxy.Kind
	faults          []apiproxy.Fault
	calls, attempts int
}{
	{"claim conflicts", apiproxy.Claim, apiproxy.Times(1, apiproxy.Refused(http.StatusConflict)), 1, 1},
	{"claim throttled", apiproxy.Claim, apiproxy.Times(1,
		apiproxy.Refused(http.StatusTooManyRequests, "Retry-After", "1")), 1, 1},
	{"claim fails", apiproxy.Claim, apiproxy.Times(1, apiproxy.Refused(http.StatusInternalServerError)), 1, 1},
	{"claim unavailable", apiproxy.Claim, apiproxy.Times(3, apiproxy.Refused(http.StatusServiceUnavailable)), 1, 1},
	{"claim reset", apiproxy.Claim, apiproxy.Times(1, apiproxy.Dropped), 1, 1},
	{"claim stored, answer lost", apiproxy.Claim, apiproxy.Times(1, apiproxy.Unanswered), 1, 2},
	{"claim stored, answered late", apiproxy.Claim, apiproxy.Times(1, answeredLate), 1, 2},
	{"claim stored, answered 409", apiproxy.Claim, apiproxy.Times(1, apiproxy.Denied(http.StatusConflict)), 1, 2},
	{"claim stored, answered 503", apiproxy.Claim,
		apiproxy.Times(1, apiproxy.Denied(http.StatusServiceUnavailable, "Retry-After", "1")), 1, 2},

	{"outcome conflicts", apiproxy.Outcome, apiproxy.Times(1, apiproxy.Refused(http.StatusConflict)), 1, 1},
	{"outcome throttled", apiproxy.Outcome,
		apiproxy.Times(1, apiproxy.Refused(http.StatusTooManyRequests, "Retry-After", "1")), 1, 1},
	{"outcome fails", apiproxy.Outcome, apiproxy.Times(3, apiproxy.Refused(http.StatusInternalServerError)), 1, 1},
	{"outcome reset", apiproxy.Outcome, apiproxy.Times(1, apiproxy.Dropped), 1, 1},
	{"outcome stored, answer lost", apiproxy.Outcome, apiproxy.Times(1, apiproxy.Unanswered), 1, 1},
	{"outcome stored, answered 503", apiproxy.Outcome,
		apiproxy.Times(1, apiproxy.Denied(http.StatusServiceUnavailable, "Retry-After", "1")), 1, 1},
	{"outcome lost in every way", apiproxy.Outcome,
		slices.Concat(apiproxy.Times(2, apiproxy.Dropped),
			apiproxy.Times(2, apiproxy.Refused(http.StatusGatewayTimeout)),
			apiproxy.Times(2, apiproxy.Unanswered)), 1, 1},
	// The operator keeps the outcome in memory, and stores it later.
	{"outcome forbidden", apiproxy.Outcome, apiproxy.Times(1, apiproxy.Refused(http.StatusForbidden)), 1, 1},
}

// TestWrites: whatever happens to a claim or an outcome, a process that does not die makes no second call.
func TestWrites(t *testing.T) {
	p := apiproxy.New(t, plane.Config)
	startLasting(t, p)
	for i, tc := range writeFaults {
		name := nameFor(t, i)
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p.Meet(tc.write, name, tc.faults...)
			verify(t, create(t, name), tc.calls, tc.attempts)
			noteWrites(t, p, name, tc.calls, len(tc.faults))
		})
	}
	for i, tc := range slowWrites {
		name := nameFor(t, len(writeFaults)+i)
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			g := apiproxy.NewGate(t)
			p.Meet(tc.write, name, tc.fault(g))
			obj := create(t, name)
			p.AwaitWrites(t, tc.write, name, 1) // the next one: the operator has given up on the first
			status := verify(t, obj, 1, tc.attempts)
			before := len(p.Answers(tc.write, name))
			g.Open()
			p.AwaitWrites(t, tc.write, name, before+1)
			if after := verify(t, obj, 1, tc.attempts); after.LastAttempt.RequestID != status.LastAttempt.RequestID {
				t.Errorf("another outcome: %+v", after)
			}
			noteWrites(t, p, name, 1, 1)
		})
	}
}

// slowWrites are writes that take longer than the operator waits for them.
var slowWrites = []struct {
	name     string
	write    apiproxy.Kind
	fault    func(*apiproxy.Gate) apiproxy.Fault
	attempts int
}{
	{"claim times out", apiproxy.Claim, func(g *apiproxy.Gate) apiproxy.Fault { return g.Lose }, 1},
	{"claim times out, and arrives when all is over", apiproxy.Claim, func(g *apiproxy.Gate) apiproxy.Fault {
		return g.Hold
	}, 1},
	{"claim stored, answer times out", apiproxy.Claim,
		func(g *apiproxy.Gate) apiproxy.Fault { return g.HoldAnswer }, 2},
	{"outcome times out", apiproxy.Outcome, func(g *apiproxy.Gate) apiproxy.Fault { return g.Lose }, 1},
	{"outcome times out, and arrives when all is over", apiproxy.Outcome, func(g *apiproxy.Gate) apiproxy.Fault {
		return g.Hold
	}, 1},
	{"outcome stored, answer times out", apiproxy.Outcome, func(g *apiproxy.Gate) apiproxy.Fault {
		return g.HoldAnswer
	}, 1},
}

// noteWrites records the figures of an object whose writes have met a number of faults.
func noteWrites(t *testing.T, p *apiproxy.Proxy, name string, calls, faults int) {
	t.Helper()
	figures.AtMost(t, "repeats", service.Calls(account, name)-1, calls-1, true)
	claims, outcomes := len(p.Answers(apiproxy.Claim, name)), len(p.Answers(apiproxy.Outcome, name))
	// One claim and one outcome for each call, and one more write for each that failed. A claim that was stored
	// although its answer says otherwise takes two more writes, because it must expire first.
	figures.AtMost(t, "writes, as the proxy sees them", claims+outcomes, 2*calls+2*faults, true)
	verifyRequests(t, []string{name}, 2*faults, 2*calls+2*faults)
}

// TestOutcomesHeldBack: while outcomes cannot be stored, the number of calls with an unstored outcome never exceeds the
// number of workers, although claims can be stored and many more objects wait.
func TestOutcomesHeldBack(t *testing.T) {
	const tries = 5
	p := apiproxy.New(t, plane.Config)
	startLasting(t, p)
	p.Choose(func(k apiproxy.Kind, _ string) apiproxy.Fault {
		if k == apiproxy.Outcome {
			return apiproxy.Refused(http.StatusInternalServerError)
		}
		return nil
	})
	objects := make([]*v1alpha1.UserLogout, 4*workers)
	for i := range objects {
		objects[i] = create(t, nameFor(t, i))
	}
	p.AwaitWrites(t, apiproxy.Outcome, firstCalled(t, objects), tries)
	calls := 0
	for _, obj := range objects {
		calls += service.Calls(account, obj.Name)
	}
	p.Choose(nil)
	figures.AtMost(t, "calls whose outcome is not stored", calls, workers, true)
	for _, obj := range objects {
		verify(t, obj, 1, 1)
	}
	claims, outcomes := 0, 0
	var called, told []string
	for _, obj := range objects {
		stored := count(p.Answers(apiproxy.Claim, obj.Name), http.StatusOK)
		claims = max(claims, stored)
		outcomes = max(outcomes, count(p.Answers(apiproxy.Outcome, obj.Name), http.StatusOK))
		if stored > 1 { // an object that waits for ten seconds, as on a busy machine, says so in a write like a claim's
			told = append(told, obj.Name)
		} else {
			called = append(called, obj.Name)
		}
	}
	figures.AtMost(t, "most claims of an object that were stored", claims, 2, true)
	figures.AtMost(t, "most outcomes of an object that were stored", outcomes, 1, true)
	// Claims have expired by then, so there may be another write, on outdated data.
	verifyRequests(t, called, 0, 3)
	verifyRequests(t, told, 0, 4)
}

// count returns how many of the answers have the status code.
func count(answers []int, code int) (n int) {
	for _, answer := range answers {
		if answer == code {
			n++
		}
	}
	return n
}

// firstCalled returns the name of the first of the objects for which a call was made.
func firstCalled(t *testing.T, objects []*v1alpha1.UserLogout) string {
	t.Helper()
	for entry := range service.Follow(t.Context(), 0) {
		if slices.ContainsFunc(objects, func(obj *v1alpha1.UserLogout) bool { return obj.Name == entry.UserID }) {
			return entry.UserID
		}
	}
	t.Fatal("no call")
	return ""
}
