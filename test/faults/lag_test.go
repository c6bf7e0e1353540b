package faults

import (
	"net/http"
	"testing"

	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// travels are past states of objects that a new operator is shown, and the changes that have been made since.
var travels = []struct {
	name string
	// at is the point at which their attempts were.
	at holder
	// since changes each object after it has finished.
	since func(*testing.T, *staleObject)
	// calls in total, and attempts of the object that exists at the end.
	calls, attempts int
}{
	{"waiting, finished since", holdClaim, nothing, 1, 1},
	{"in the call, finished since", holdCall, nothing, 1, 1},
	{"waiting, deleted since", holdClaim, deleted, 1, 0},
	{"in the call, deleted since", holdCall, deleted, 1, 0},
	{"waiting, re-created since", holdClaim, recreated, 2, 1},
	{"in the call, re-created since", holdCall, recreated, 2, 1},
}

// TestTimeTravel: an operator that starts at an API server that lags behind takes finished or deleted objects for
// unfinished. The API server rejects its writes.
func TestTimeTravel(t *testing.T) {
	n := suite.Either(3, 30)
	p := apiproxy.New(t, plane.Config)
	before := startOperator(t, p, "--workers=200", "--call-timeout=10s", "--visibility-timeout=20s")
	objects := map[string][]*staleObject{}
	var releases []func()
	for _, tc := range travels {
		held, release := holdAll(t, p, tc.at, tc.name, 0, n)
		releases = append(releases, release)
		for _, obj := range held {
			objects[tc.name] = append(objects[tc.name], &staleObject{UserLogout: obj})
		}
	}
	then := p.ResourceVersion(t)
	for _, release := range releases {
		release()
	}
	for _, tc := range travels {
		for _, obj := range objects[tc.name] {
			awaitFinished(t, obj.UserLogout)
		}
	}
	before.Kill()
	for _, tc := range travels {
		for _, obj := range objects[tc.name] {
			tc.since(t, obj)
		}
	}

	lagging := apiproxy.New(t, plane.Config)
	catchUp := lagging.Lag(then)
	launch(t, lagging, "--workers=200")
	for _, tc := range travels {
		for _, obj := range objects[tc.name] {
			lagging.AwaitWrites(t, apiproxy.Claim, obj.Name, 1)
		}
	}
	catchUp()
	for _, tc := range travels {
		t.Run(tc.name, func(t *testing.T) {
			repeats, conflicts := 0, 0
			for _, obj := range objects[tc.name] {
				if obj.gone {
					verifyCalls(t, obj.Name, tc.calls)
				} else {
					verify(t, obj.UserLogout, tc.calls, tc.attempts)
				}
				repeats = max(repeats, service.Calls(account, obj.Name)-tc.calls)
				for _, code := range lagging.Answers(apiproxy.Claim, obj.Name) {
					if code == http.StatusConflict || code == http.StatusNotFound {
						conflicts++
					}
				}
			}
			figures.Note(t, "objects", n)
			figures.AtMost(t, "most repeats", repeats, 0, true)
			figures.Note(t, "claims refused with 409 or 404", conflicts)
		})
	}
	verify(t, create(t, nameFor(t, 0)), 1, 1) // it has caught up
}
