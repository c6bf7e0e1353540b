package faults

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/parallel"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// apiOutage is a time in which an operator cannot reach its API server.
type apiOutage struct {
	name    string
	begin   func(*testing.T, *apiproxy.Proxy) (end func())
	lasts   time.Duration
	waiting int // number of objects; if 0, no call is in flight either
}

// unreachable: connections break off, and new ones fail.
func unreachable(_ *testing.T, p *apiproxy.Proxy) (end func()) {
	p.Cut()
	return p.Restore
}

// overloaded: every request is answered 503.
func overloaded(_ *testing.T, p *apiproxy.Proxy) (end func()) {
	p.Refuse(apiproxy.Refused(http.StatusServiceUnavailable))
	return p.Restore
}

// silent: no request is answered, and when the outage is over, all unanswered ones are reset.
func silent(t *testing.T, p *apiproxy.Proxy) (end func()) {
	hang := apiproxy.NewGate(t)
	p.Refuse(hang.Lose)
	return func() {
		p.Restore()
		hang.Open()
	}
}

func apiOutages() []apiOutage {
	if !suite.Full() {
		return []apiOutage{
			{"unreachable for 3 s, 200 objects", unreachable, 3 * time.Second, 200},
			{"answers 503 for 3 s, idle", overloaded, 3 * time.Second, 0},
		}
	}
	return []apiOutage{
		{"unreachable for 30 s, idle", unreachable, 30 * time.Second, 0},
		{"unreachable for 30 s, 200 objects", unreachable, 30 * time.Second, 200},
		{"answers 503 for 30 s, 200 objects", overloaded, 30 * time.Second, 200},
		{"answers nothing for 30 s, 200 objects", silent, 30 * time.Second, 200},
		{"unreachable for 5 min, 10 000 objects", unreachable, 5 * time.Minute, 10_000},
	}
}

// Limits of what an operator needs when the API server is back. The next attempt to store an outcome comes after up to
// 5 s and its jitter, or after an attempt that hangs for 10 s; the next attempt to claim or to watch comes after up to
// 30 s.
const (
	storedAgain = 20 * time.Second
	callsAgain  = 45 * time.Second
)

// TestAPIServerDown: during an API server outage the operator makes no new call. When the API server is back, the
// operator stores the outcomes of the calls that were in flight, and everything finishes without a repeat.
func TestAPIServerDown(t *testing.T) {
	for _, tc := range apiOutages() {
		t.Run(tc.name, func(t *testing.T) {
			p := apiproxy.New(t, plane.Config)
			// in the short form, calls that are held must not time out on a busy machine before the outage begins
			timeouts := suite.Either([]string{"--call-timeout=1m", "--visibility-timeout=2m"},
				[]string{"--call-timeout=10s", "--visibility-timeout=20s"})
			operator := startLasting(t, p, timeouts...)
			var under []chimetest.Call
			release := func() {}
			var objects []*v1alpha1.UserLogout
			if tc.waiting > 0 {
				// Created without an operator: a running one would finish the first objects before the last exist.
				operator.Kill()
				base := operator.base
				objects = createMany(t, tc.waiting)
				held := holdCalls(t, tc.waiting/20)
				operator = launch(t, p, timeouts...)
				operator.base = base
				operator.base.memory += int64(tc.waiting) * 20 << 10 // for each object, kept for the next
				under, release = held.await(t), held.release
			}
			end := tc.begin(t, p)
			began, claimed := time.Now(), claimedOf(t)
			release()
			late := createSome(t, tc.waiting)
			<-time.After(tc.lasts)

			fixed := time.Now()
			end()
			if tc.waiting == 0 {
				late = createSome(t, 1)
			}
			objects = append(objects, late...)
			finished := awaitAll(t, objects)
			calls, repeats := unclaimed(began, fixed, claimed), 0
			for _, obj := range objects {
				repeats += service.Calls(account, obj.Name) - 1
				verifyCalls(t, obj.Name, 1)
			}
			figures.Note(t, "objects", len(objects))
			figures.Note(t, "calls under way when it began", len(under))
			figures.AtMost(t, "new calls while it was away", calls, 0, true)
			figures.AtMost(t, "repeats", repeats, 0, true)
			if len(under) > 0 {
				var stored time.Time
				for _, call := range under {
					if at := finished[call.UserID]; at.After(stored) {
						stored = at
					}
				}
				figures.AtMost(t, "time until their outcomes were stored", stored.Sub(fixed), storedAgain, suite.Full())
			}
			figures.AtMost(t, "time until the next call", next(fixed).Sub(fixed), callsAgain, suite.Full())
			figures.Note(t, "time until all have finished", time.Since(fixed))
			// Until its watch is back, the operator tries once a second to claim objects, because it does not know that
			// it has claimed them already.
			verifyRequests(t, namesOf(objects), 3, 6+int(time.Since(fixed).Seconds()))
			if tc.waiting > 0 {
				operator.verifyVitals(t)
			}
		})
	}
}

// createMany creates objects with several clients at a time.
func createMany(t *testing.T, n int) []*v1alpha1.UserLogout {
	t.Helper()
	objects := make([]*v1alpha1.UserLogout, n)
	if err := parallel.Do(t.Context(), n, func(ctx context.Context, i int) error {
		objects[i] = newUserLogout(nameFor(t, i))
		service.SignIn(account, objects[i].Name, "laptop", "phone")
		return admin.Create(ctx, objects[i])
	}); err != nil {
		t.Fatal(err)
	}
	return objects
}

// createSome creates n objects, 10 at most, in addition to those of createMany.
func createSome(t *testing.T, n int) (objects []*v1alpha1.UserLogout) {
	t.Helper()
	for i := range min(n, 10) {
		objects = append(objects, create(t, nameFor(t, i, "later")))
	}
	return objects
}

// heldCalls are calls, of any user, that are held at the service.
type heldCalls struct {
	arrived chan chimetest.Call
	opened  chan struct{}
}

// holdCalls lets a number of calls pass, and then holds half as many as there are workers: the others continue.
func holdCalls(t *testing.T, pass int) *heldCalls {
	h := &heldCalls{make(chan chimetest.Call, workers/2), make(chan struct{})}
	var mu sync.Mutex
	n := 0
	service.Intercept(func(call chimetest.Call) *chimetest.Answer {
		mu.Lock()
		n++
		hold := n > pass && n <= pass+cap(h.arrived)
		mu.Unlock()
		if hold {
			h.arrived <- call
			<-h.opened
		}
		return nil
	})
	t.Cleanup(func() { service.Intercept(nil) })
	return h
}

func (h *heldCalls) await(t *testing.T) (calls []chimetest.Call) {
	t.Helper()
	for range cap(h.arrived) {
		calls = append(calls, await.Receive(t, h.arrived, "a call"))
	}
	return calls
}

func (h *heldCalls) release() { close(h.opened) }

// claimedOf returns the names of the objects that have been claimed at least once.
func claimedOf(t *testing.T) map[string]bool {
	t.Helper()
	list, claimed := &v1alpha1.UserLogoutList{}, map[string]bool{}
	if err := admin.List(t.Context(), list, client.InNamespace(tenant)); err != nil {
		t.Fatal(err)
	}
	for _, obj := range list.Items {
		claimed[obj.Name] = obj.Status.Attempts > 0
	}
	return claimed
}

// unclaimed returns how many calls arrived between two moments for objects that had not been claimed. Calls for claimed
// objects may be late.
func unclaimed(from, to time.Time, claimed map[string]bool) (n int) {
	for _, entry := range service.Journal() {
		if entry.Time.After(from) && entry.Time.Before(to) && !claimed[entry.UserID] {
			n++
		}
	}
	return n
}

// next returns when the first call after a moment arrived.
func next(after time.Time) (first time.Time) {
	for _, entry := range service.Journal() {
		if entry.Time.After(after) && (first.IsZero() || entry.Time.Before(first)) {
			first = entry.Time
		}
	}
	return first
}
