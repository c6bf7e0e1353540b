package faults

import (
	"net/http"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// grace is how long an operator with these tests' timeouts may take to stop: see storeGrace.
const grace = callTimeout + 2*10*time.Second

// holder holds an attempt for the object of this name at a point, until it is released.
type holder func(t *testing.T, p *apiproxy.Proxy, name string) (arrived, release func())

// TestStop: before the operator exits, it finishes the attempts that have begun and stores their outcomes.
func TestStop(t *testing.T) {
	for _, tc := range []struct {
		name    string
		signals int
		at      holder
	}{
		{"SIGTERM in the claim's write", 1, holdClaim},
		{"SIGTERM in the call", 1, holdCall},
		{"SIGTERM in the call, twice", 2, holdCall},
		{"SIGTERM in the outcome's write", 1, holdOutcome},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := apiproxy.New(t, plane.Config)
			var longest time.Duration
			lost, failed := 0, 0
			var all []*v1alpha1.UserLogout
			for hit := 0; hit < hits(); hit += crowd {
				o := startOperator(t, p, manyWorkers)
				objects, release := holdAll(t, p, tc.at, "", hit, min(crowd, hits()-hit))
				began := time.Now()
				for range tc.signals {
					o.SendTerm(t)
					o.Log.AwaitLine(t, 0, stopping)
				}
				release()
				if o.AwaitExit(t) != 0 {
					failed++
				}
				longest = max(longest, time.Since(began))
				for _, obj := range objects {
					if !isFinished(t, obj) {
						lost++
					}
				}
				all = append(all, objects...)
			}
			figures.Note(t, "attempts hit by SIGTERM", len(all))
			figures.AtMost(t, "outcomes lost", lost, 0, true)
			figures.AtMost(t, "exit codes other than 0", failed, 0, true)
			figures.AtMost(t, "longest time from SIGTERM to exit", longest, grace, suite.Full())
			if lost == 0 {
				for _, obj := range all {
					verify(t, obj, 1, 1)
				}
			}
			// The operator retries the held write of an outcome, and looks the object up.
			verifyRequests(t, namesOf(all), 1, 3)
		})
	}
}

// holdAll creates n objects, named for the test and the point and numbered from first, and returns when the attempts
// for all of them are at the point.
func holdAll(
	t *testing.T, p *apiproxy.Proxy, at holder, point string, first, n int,
) (objects []*v1alpha1.UserLogout, release func()) {
	t.Helper()
	var arrivals, releases []func()
	for i := range n {
		name := nameFor(t, first+i, point)
		arrived, release := at(t, p, name)
		arrivals, releases = append(arrivals, arrived), append(releases, release)
		objects = append(objects, create(t, name))
	}
	for _, arrived := range arrivals {
		arrived()
	}
	return objects, func() {
		for _, release := range releases {
			release()
		}
	}
}

// isFinished reports whether the object has finished by now.
func isFinished(t *testing.T, obj *v1alpha1.UserLogout) bool {
	t.Helper()
	now := &v1alpha1.UserLogout{}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(obj), now); err != nil {
		t.Fatal(err)
	}
	return now.UID == obj.UID && meta.IsStatusConditionTrue(now.Status.Conditions, v1alpha1.ConditionFinished)
}

// leaseName is the lease with which the operators of one installation elect their leader.
const leaseName = "logout-operator.logout-operator.io"

// TestLostLease: an operator that has lost its lease stores the outcomes that it has, and exits with an error.
func TestLostLease(t *testing.T) {
	p := apiproxy.New(t, plane.Config)
	o := startOperator(t, p, "--leader-elect")
	name := nameFor(t, 0)
	arrived, release := holdOutcome(t, p, name)
	obj := create(t, name)
	arrived()
	p.Meet(apiproxy.Lease, leaseName, apiproxy.Times(1000, apiproxy.Refused(http.StatusInternalServerError))...)
	o.Log.AwaitLine(t, 0, stopping)
	release()
	if code := o.AwaitExit(t); code == 0 {
		t.Error("exit code 0, want another")
	}
	verify(t, obj, 1, 1)
	figures.AtMost(t, "repeats", service.Calls(account, name)-1, 0, true)
}

// holdClaim holds the next claim of the object.
func holdClaim(t *testing.T, p *apiproxy.Proxy, name string) (arrived, release func()) {
	g := apiproxy.NewGate(t)
	p.Meet(apiproxy.Claim, name, g.Hold)
	return func() { g.AwaitArrivals(t, 1) }, g.Open
}

// holdCall holds the next call of the user at the service.
func holdCall(t *testing.T, _ *apiproxy.Proxy, name string) (arrived, release func()) {
	hold := service.Hold(account, name)
	return func() { await.Receive(t, hold.Arrived(), "the call") }, hold.Release
}

// holdOutcome holds all writes of the object's outcome, because the operator gives up on each after a while.
func holdOutcome(t *testing.T, p *apiproxy.Proxy, name string) (arrived, release func()) {
	g := apiproxy.NewGate(t)
	p.Meet(apiproxy.Outcome, name, apiproxy.Times(1000, g.Hold)...)
	return func() { g.AwaitArrivals(t, 1) }, g.Open
}
