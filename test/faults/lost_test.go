package faults

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// breaks are ways for a watch to end when the API server has forgotten the changes in between: operators have to list
// again.
var breaks = []struct {
	name string
	end  func(*testing.T, *apiproxy.Proxy)
}{
	{"history compacted, told when the watch is resumed (410)", func(_ *testing.T, p *apiproxy.Proxy) {
		p.BreakWatches()
	}},
	{"history compacted, told in the watch (410)", func(t *testing.T, p *apiproxy.Proxy) {
		p.ExpireWatches(t)
	}},
	{"API server away for a moment", func(_ *testing.T, p *apiproxy.Proxy) {
		p.Cut()
		p.Restore()
	}},
}

// relisted is how soon after the end of a watch an operator must have caught up.
const relisted = 15 * time.Second

// TestEventsLost: an operator catches up on the events that it missed when a watch ended, and makes no extra call.
func TestEventsLost(t *testing.T) {
	for _, tc := range suite.Either(breaks[:1], breaks) {
		t.Run(tc.name, func(t *testing.T) {
			p := apiproxy.New(t, plane.Config)
			startLasting(t, p)

			unseen := nameFor(t, 0) // the operator misses its creation
			lost := p.LoseEvents(unseen)
			created := create(t, unseen)
			lost.Await(t, watch.Added)

			name := nameFor(t, 1) // the operator misses its end and its TTL
			var end apiproxy.Events
			p.Meet(apiproxy.Outcome, name, func(forward func() apiproxy.Response) apiproxy.Response {
				end = p.LoseEvents(name)
				return forward()
			})
			finished := create(t, name)
			awaitFinished(t, finished)
			end.Await(t, watch.Deleted, watch.Added)
			expiring := finished.DeepCopy()
			expiring.Spec.TTLSecondsAfterFinished = ptr.To[int32](1)
			if err := admin.Patch(t.Context(), expiring, client.MergeFrom(finished)); err != nil {
				t.Fatal(err)
			}
			end.Await(t, watch.Modified)

			forgotten := nameFor(t, 2) // the operator misses its deletion, while it is suspended
			suspended := newUserLogout(forgotten)
			suspended.Spec.Suspend = ptr.To(true)
			if err := admin.Create(t.Context(), suspended); err != nil {
				t.Fatal(err)
			}
			p.AwaitWrites(t, apiproxy.Claim, forgotten, 1) // the status that says so
			gone := p.LoseEvents(forgotten)
			deleteNow(t, suspended)
			gone.Await(t, watch.Deleted)

			p.Compact(t)
			for _, events := range []apiproxy.Events{lost, end, gone} {
				events.Release() // lists are not lost
			}
			began := time.Now()
			tc.end(t, p)
			verify(t, created, 1, 1)
			figures.AtMost(t, "time until a missed object has finished", time.Since(began), relisted, suite.Full())
			await.Gone(t, admin, finished)
			figures.AtMost(t, "time until a missed TTL was kept", time.Since(began), relisted, suite.Full())
			verifyCalls(t, name, 1)
			verifyCalls(t, forgotten, 0)
			figures.AtMost(t, "repeats", service.Calls(account, unseen)+service.Calls(account, name)-2, 0, true)
		})
	}
}

// TestWatchesBreak: operators miss no changes while a watch resumes.
func TestWatchesBreak(t *testing.T) {
	n := suite.Either(20, 200)
	p := apiproxy.New(t, plane.Config)
	startLasting(t, p)
	began := time.Now()
	objects := make([]*v1alpha1.UserLogout, n)
	for i := range objects {
		if i%10 == 0 {
			p.BreakWatches()
		}
		objects[i] = create(t, nameFor(t, i))
	}
	awaitAll(t, objects)
	figures.AtMost(t, "time until all have finished", time.Since(began), 2*relisted, suite.Full())
	for _, obj := range objects {
		verify(t, obj, 1, 1)
	}
	verifyRequests(t, namesOf(objects), 0, 4)
}
