package faults

import (
	"flag"
	"sync"
	"testing"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

var kills = flag.Int("kills", 0,
	"how many attempts the operator is killed in at each point (default: 3, in full 200); one SIGKILL hits up to 20")

// crowd is the greatest number of attempts, all at the same point, that one signal hits.
const crowd = 20

// hits is how many attempts are hit at each point.
func hits() int {
	if *kills > 0 {
		return *kills
	}
	return suite.Either(3, 200)
}

// killPoint is a moment in an attempt at which the operator dies.
type killPoint struct {
	name string
	// arm makes the test call die when the attempt for the object of this name is at the point.
	arm func(t *testing.T, p *apiproxy.Proxy, name string, die func())
	// calls and attempts that the object takes in total.
	calls, attempts int
}

var killPoints = []killPoint{
	{"before the claim", atWrite(apiproxy.Claim, apiproxy.Before), 1, 1},
	{"between claim and call", atWrite(apiproxy.Claim, apiproxy.After), 1, 2},
	{"in the call", inCall, 2, 2},
	{"between call and outcome", atWrite(apiproxy.Outcome, apiproxy.Before), 2, 2},
	{"after the outcome", atWrite(apiproxy.Outcome, apiproxy.After), 1, 1},
}

func atWrite(k apiproxy.Kind, when func(func()) apiproxy.Fault) func(*testing.T, *apiproxy.Proxy, string, func()) {
	return func(_ *testing.T, p *apiproxy.Proxy, name string, die func()) { p.Meet(k, name, when(die)) }
}

// inCall: the service has the call, and carries it out although the operator is gone.
func inCall(t *testing.T, _ *apiproxy.Proxy, name string, die func()) {
	hold := service.Hold(account, name)
	go func() {
		select {
		case <-hold.Arrived():
			die()
		case <-t.Context().Done():
		}
		hold.Release()
	}()
}

// TestKill: every object finishes, and a call is repeated only if the operator died during it or before its outcome was
// stored, and only once.
func TestKill(t *testing.T) {
	for _, point := range killPoints {
		t.Run(point.name, func(t *testing.T) {
			p := apiproxy.New(t, plane.Config)
			o := startOperator(t, p, manyWorkers)
			signals, most, sum := 0, 0, 0
			var all []*v1alpha1.UserLogout
			for hit := 0; hit < hits(); hit += crowd {
				var objects []*v1alpha1.UserLogout
				o, objects = killIn(t, p, o, point, hit, min(crowd, hits()-hit))
				signals++
				for _, obj := range objects {
					verify(t, obj, point.calls, point.attempts)
					repeats := service.Calls(account, obj.Spec.UserID) - 1
					most, sum = max(most, repeats), sum+repeats
				}
				all = append(all, objects...)
			}
			figures.Note(t, "attempts hit by SIGKILL", len(all))
			figures.Note(t, "SIGKILLs", signals)
			figures.AtMost(t, "most repeats of a call", most, point.calls-1, true)
			figures.Note(t, "repeats in all", sum)
			verifyRequests(t, namesOf(all), 0, point.attempts+1)
		})
	}
}

// killIn kills the operator when n attempts, numbered from first, are at the point, and starts another operator.
func killIn(
	t *testing.T, p *apiproxy.Proxy, o *operator, point killPoint, first, n int,
) (*operator, []*v1alpha1.UserLogout) {
	t.Helper()
	die := together(n, o.Kill)
	objects := make([]*v1alpha1.UserLogout, n)
	for i := range objects {
		name := nameFor(t, first+i)
		point.arm(t, p, name, die)
		objects[i] = create(t, name)
	}
	await.Receive(t, o.Exited(), "the operator to be killed")
	return startOperator(t, p, manyWorkers), objects
}

// together returns a function that n goroutines call: each waits for all the others, then f runs once, then all
// continue.
func together(n int, f func()) func() {
	var missing sync.WaitGroup
	missing.Add(n)
	once := sync.OnceFunc(f)
	return func() {
		missing.Done()
		missing.Wait()
		once()
	}
}
