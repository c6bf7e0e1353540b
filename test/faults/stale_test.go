package faults

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/figures"
)

// stale is an object whose watch events an operator does not get, and the changes of the object in the meantime.
type stale struct {
	name string
	// from is the operator's write with which its watch begins to lag.
	from apiproxy.Kind
	// happens changes the object while that write is held.
	happens func(t *testing.T, s *staleObject)
	// claims that the operator makes before it gets the events, and how many of them are granted: none that is based on
	// outdated data.
	claims, granted int
	// calls in total, and attempts of the object that exists at the end; none if it is gone.
	calls, attempts int
}

var stales = []stale{
	{"finished by another operator", apiproxy.Claim, finishedByOther, 3, 0, 1, 1},
	{"finished by itself, known before its claim", apiproxy.Claim, nothing, 2, 1, 1, 1},
	{"finished by itself, known as claimed", apiproxy.Outcome, nothing, 2, 1, 1, 1},
	{"deleted before the claim", apiproxy.Claim, deleted, 1, 0, 0, 0},
	{"deleted in the outcome's write", apiproxy.Outcome, deleted, 1, 1, 1, 0},
	{"re-created before the claim", apiproxy.Claim, recreated, 3, 0, 1, 1},
	{"re-created in the outcome's write", apiproxy.Outcome, recreated, 2, 1, 2, 1},
}

// staleObject is the current object of a stale.
type staleObject struct {
	*v1alpha1.UserLogout
	gone bool
}

func nothing(*testing.T, *staleObject) {}

func finishedByOther(t *testing.T, s *staleObject) {
	launch(t, apiproxy.New(t, plane.Config))
	awaitFinished(t, s.UserLogout)
}

func deleted(t *testing.T, s *staleObject) {
	deleteNow(t, s.UserLogout)
	s.gone = true
}

func recreated(t *testing.T, s *staleObject) {
	deleteNow(t, s.UserLogout)
	s.UserLogout = create(t, s.Name)
}

// TestStaleCache: the API server rejects an operator's writes that are based on outdated data, and they lead to no
// call.
func TestStaleCache(t *testing.T) {
	for _, tc := range stales {
		t.Run(tc.name, func(t *testing.T) {
			p := apiproxy.New(t, plane.Config)
			startLasting(t, p)
			name := nameFor(t, 0)
			gate := apiproxy.NewGate(t)
			var events apiproxy.Events
			lag := sync.OnceFunc(func() { events = p.HoldEvents(name) })
			p.Meet(tc.from, name, func(forward func() apiproxy.Response) apiproxy.Response {
				lag()
				return gate.Hold(forward)
			})
			s := &staleObject{UserLogout: create(t, name)}
			gate.AwaitArrivals(t, 1)
			tc.happens(t, s)
			gate.Open()
			if tc.granted > 0 { // or a changed provider would arrive before the call, and prevent it
				p.AwaitWrites(t, apiproxy.Outcome, name, 1)
			} else if tc.calls > 0 {
				p.AwaitWrites(t, apiproxy.Claim, name, 1)
			}
			if !s.gone {
				wakeAll(t)
				p.AwaitAnswers(t, apiproxy.Claim, name, fmt.Sprint(tc.claims), func(codes []int) bool {
					return len(codes) >= tc.claims || granted(codes) > tc.granted
				})
			}
			excess := granted(p.Answers(apiproxy.Claim, name)) - tc.granted
			if excess > 0 {
				p.AwaitWrites(t, apiproxy.Outcome, name, 1) // of the call that should not have been made
			}
			figures.AtMost(t, "claims granted on old knowledge", excess, 0, true)
			calls := service.Calls(account, name)
			events.Release()
			if s.gone {
				verifyCalls(t, name, tc.calls)
			} else {
				verify(t, s.UserLogout, tc.calls, tc.attempts)
			}
			figures.AtMost(t, "repeats", max(calls, service.Calls(account, name))-tc.calls, 0, true)
			conflicts := 0
			for _, code := range p.Answers(apiproxy.Claim, name) {
				if code == http.StatusConflict {
					conflicts++
				}
			}
			figures.Note(t, "claims refused with 409", conflicts)
			verifyRequests(t, []string{name}, 3, 2*(tc.claims+2)+2)
		})
	}
}

// granted returns how many writes were answered 200.
func granted(codes []int) (n int) {
	for _, code := range codes {
		if code == http.StatusOK {
			n++
		}
	}
	return n
}

// wakeAll makes operators look at all objects that they believe to be unfinished, because a change of their provider
// may have fixed something.
func wakeAll(t *testing.T) {
	t.Helper()
	provider := &v1alpha1.ClusterLogoutProvider{}
	if err := admin.Get(t.Context(), client.ObjectKey{Name: "default"}, provider); err != nil {
		t.Fatal(err)
	}
	burst := 1999 - provider.Spec.RateLimit.Burst // 999 or 1000
	patch := []byte(`{"spec": {"rateLimit": {"burst": ` + fmt.Sprint(burst) + `}}}`)
	if err := admin.Patch(t.Context(), provider, client.RawPatch(types.MergePatchType, patch)); err != nil {
		t.Fatal(err)
	}
}
