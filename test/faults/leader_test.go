package faults

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// pausePoint is the point of the leader's attempts when it is stopped.
type pausePoint struct {
	name string
	at   holder
	// late: the test releases the held request only when the leader resumes, after the other has done everything.
	// Otherwise it releases the request while the leader is stopped: when it resumes, the leader finds a granted claim
	// that has expired long ago.
	late bool
	// calls and attempts that each object takes in total; the two operators must not both do the work that the leader
	// has begun.
	calls, attempts int
}

var pausePoints = []pausePoint{
	{"before the claim", holdClaim, true, 1, 1},
	{"after the claim", holdClaimed, false, 1, 2},
	{"in the call", holdCall, false, 2, 2},
	{"between call and outcome", holdOutcome, true, 2, 2},
	{"after the outcome", holdStored, false, 1, 1},
}

// TestLeaderPaused: while the leader is stopped by SIGSTOP, the other takes over. When the leader resumes, it does not
// continue the work that it had begun. A call is repeated only if the pause came between the call and its stored
// outcome.
func TestLeaderPaused(t *testing.T) {
	n := suite.Either(2, 8) // at each point, all at once
	p, other := apiproxy.New(t, plane.Config), apiproxy.New(t, plane.Config)
	flags := []string{"--leader-elect", fmt.Sprintf("--workers=%d", n*len(pausePoints)),
		"--call-timeout=10s", "--visibility-timeout=20s"} // longer than the time until all are at their points
	leader := startOperator(t, p, flags...)
	standby := launch(t, other, flags...)
	objects := map[string][]*v1alpha1.UserLogout{}
	releases := map[bool][]func(){}
	for _, point := range pausePoints {
		at, release := holdAll(t, p, point.at, point.name, 0, n)
		objects[point.name] = at
		releases[point.late] = append(releases[point.late], release)
	}
	if err := leader.Pause(); err != nil {
		t.Fatal(err)
	}
	paused := time.Now()
	for _, release := range releases[false] {
		release()
	}
	standby.Log.AwaitLine(t, 0, "Successfully acquired lease")
	figures.AtMost(t, "time until the other leads", time.Since(paused), 25*time.Second, suite.Full())
	for _, point := range pausePoints {
		for _, obj := range objects[point.name] {
			awaitFinished(t, obj)
		}
	}
	printed := leader.Log.Size()
	if err := leader.Resume(); err != nil {
		t.Fatal(err)
	}
	// While the leader was stopped, its attempts to store each of these outcomes timed out. It must notice that before
	// the held request is answered. If the answer came first, the leader would look the object up, the timeout could
	// interrupt that, and the next attempt to store would look the object up once more.
	for _, obj := range objects["between call and outcome"] {
		leader.Log.AwaitLine(t, printed, obj.Name, "outcome not stored")
	}
	for _, release := range releases[true] {
		release()
	}
	if code := leader.AwaitExit(t); code == 0 {
		t.Error("exit code 0 of the leader that has lost its lease, want another")
	}
	for _, point := range pausePoints {
		t.Run(point.name, func(t *testing.T) {
			most := 0
			for _, obj := range objects[point.name] {
				verify(t, obj, point.calls, point.attempts)
				most = max(most, service.Calls(account, obj.Name)-1)
			}
			figures.Note(t, "attempts hit by SIGSTOP", n)
			figures.AtMost(t, "most repeats of a call", most, point.calls-1, true)
			verifyRequests(t, namesOf(objects[point.name]), 1, 2*point.attempts+2)
		})
	}
}

// holdClaimed holds the answer to the next claim of the object. The claim is stored.
func holdClaimed(t *testing.T, p *apiproxy.Proxy, name string) (arrived, release func()) {
	g := apiproxy.NewGate(t)
	p.Meet(apiproxy.Claim, name, g.HoldAnswer)
	return func() { g.AwaitArrivals(t, 1) }, g.Open
}

// holdStored holds the answer to the write of the object's outcome. The outcome is stored.
func holdStored(t *testing.T, p *apiproxy.Proxy, name string) (arrived, release func()) {
	g := apiproxy.NewGate(t)
	p.Meet(apiproxy.Outcome, name, g.HoldAnswer)
	return func() { g.AwaitArrivals(t, 1) }, g.Open
}

// TestLeaderCutOff: a leader that reaches the service but not the API server makes no new call, and exits. It stores
// its outcomes if the API server comes back in time, and logs them otherwise.
func TestLeaderCutOff(t *testing.T) {
	if !suite.Full() {
		t.Skip("only in full: leases have to run out")
	}
	for _, tc := range []struct {
		name  string
		fixes bool
		flags []string
		calls int
	}{
		{"for good", false, nil, 2},
		// A claim outlasts the lease, so that the other operator waits for the outcome.
		{"until the lease is lost", true, []string{"--call-timeout=10s", "--visibility-timeout=60s"}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, other := apiproxy.New(t, plane.Config), apiproxy.New(t, plane.Config)
			flags := append([]string{"--leader-elect"}, tc.flags...)
			leader := startOperator(t, p, flags...)
			launch(t, other, flags...)
			objects, release := holdAll(t, p, holdCall, "in flight", 0, workers)
			p.Cut()
			release()
			waiting := make([]*v1alpha1.UserLogout, workers)
			for i := range waiting {
				waiting[i] = create(t, nameFor(t, workers+i))
			}
			leader.Log.AwaitLine(t, 0, stopping)
			if tc.fixes {
				p.Restore()
			}
			if code := leader.AwaitExit(t); code == 0 {
				t.Error("exit code 0, want another")
			}
			counted := 0
			if before, _, found := strings.Cut(leader.Log.Tail(math.MaxInt),
				" outcomes could not be stored in time"); found {
				_, _ = fmt.Sscan(before[strings.LastIndexAny(before, " \n\"")+1:], &counted) // 0 is not what is wanted
			}
			repeats := 0
			for _, obj := range objects {
				verify(t, obj, tc.calls, tc.calls)
				repeats += service.Calls(account, obj.Name) - 1
			}
			for _, obj := range waiting {
				verify(t, obj, 1, 1)
			}
			figures.Note(t, "outcomes in flight", len(objects))
			figures.Note(t, "outcomes told of as not stored", counted)
			figures.AtMost(t, "repeats", repeats, counted, true)
			if want := (tc.calls - 1) * len(objects); counted != want {
				t.Errorf("%d outcomes told of as not stored, want %d", counted, want)
			}
		})
	}
}
