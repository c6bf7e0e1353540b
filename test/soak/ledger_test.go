package soak

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// ledger is the state of all objects that ever existed. A watch records it, because most are gone at the end.
type ledger struct {
	state   await.State
	members map[types.UID]*member
	waiting int
	deaths  []death
}

// member is the state of one object. Each has its own user, so that the journal shows whose call it was.
type member struct {
	name, user string
	finished   bool
	reason     string   // of Ready
	stored     []string // the request IDs of the stored successes
	failures   []string // the messages of the stored failures
	deleted    bool     // by this test, so it need not have finished
}

// death is a SIGKILL: the time from before it was sent until the process was gone.
type death struct{ from, to time.Time }

// keepLedger watches the objects of the namespace until the test is over.
func keepLedger(t *testing.T, namespace string) *ledger {
	t.Helper()
	l := &ledger{members: map[types.UID]*member{}}
	operatortest.Watch(t, cluster.Config, namespace, toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { l.see(obj) },
		UpdateFunc: func(_, obj any) { l.see(obj) },
		DeleteFunc: func(obj any) { l.see(obj) }, // its last state
	})
	return l
}

// change changes the recorded state of an object.
func (l *ledger) change(obj *v1alpha1.UserLogout, f func(*member)) {
	l.state.Change(func() {
		m := l.members[obj.UID]
		if m == nil {
			m = &member{name: obj.Name, user: obj.Spec.UserID}
			l.members[obj.UID] = m
			l.waiting++
		}
		before := m.waits()
		f(m)
		if before && !m.waits() {
			l.waiting--
		}
	})
}

func (m *member) waits() bool { return !m.finished && !m.deleted }

func (l *ledger) see(event any) {
	if last, ok := event.(toolscache.DeletedFinalStateUnknown); ok {
		event = last.Obj
	}
	obj := event.(*v1alpha1.UserLogout)
	l.change(obj, func(m *member) {
		m.finished = m.finished || meta.IsStatusConditionTrue(obj.Status.Conditions, v1alpha1.ConditionFinished)
		if ready := meta.FindStatusCondition(obj.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
			m.reason = ready.Reason
		}
		last := obj.Status.LastAttempt
		if last == nil {
			return
		}
		told := fmt.Sprintf("%s from the claim of %s", last.Message, last.Time.Format(time.TimeOnly))
		if success := last.HTTPStatusCode == http.StatusNoContent; success &&
			!slices.Contains(m.stored, last.RequestID) {
			m.stored = append(m.stored, last.RequestID)
		} else if !success && !slices.Contains(m.failures, told) {
			m.failures = append(m.failures, told)
		}
	})
}

// created records an object, if the watch has not seen it yet.
func (l *ledger) created(obj *v1alpha1.UserLogout) { l.change(obj, func(*member) {}) }

func (l *ledger) deleted(obj *v1alpha1.UserLogout) {
	l.change(obj, func(m *member) { m.deleted = true })
}

func (l *ledger) unfinished() (n int) {
	l.state.Look(func() { n = l.waiting })
	return n
}

// awaitFinished returns when all objects that were not deleted have finished.
func (l *ledger) awaitFinished(t *testing.T) {
	t.Helper()
	l.state.Await(t, "all logouts to finish", func() bool { return l.waiting == 0 })
}

// verdict is the result of all objects.
type verdict struct {
	objects, deleted int
	lost             int // neither deleted nor logged out
	repeated         int // calls repeated after one that succeeded
	unexplained      int // of the repeated calls, those after which no process was killed before the outcome was stored
	foreign          int // outcomes that were stored in an object to which the call does not belong
	examples         []string
}

// judge compares the objects with the journal. A call that succeeded may be repeated only if a process was killed
// before the repeat, and if its outcome has not been stored.
func judge(members map[types.UID]*member, entries []chimetest.Entry, deaths []death) verdict {
	v := verdict{objects: len(members)}
	wrong := func(count *int, m *member, what string) {
		if *count++; len(v.examples) < 20 {
			v.examples = append(v.examples, fmt.Sprintf("%s, user %s: %s", m.name, m.user, what))
		}
	}
	succeeded := map[string][]chimetest.Entry{} // by user
	for _, e := range entries {
		if e.Status == http.StatusNoContent {
			succeeded[e.UserID] = append(succeeded[e.UserID], e)
		}
	}
	for _, m := range members {
		calls := succeeded[m.user]
		if m.deleted {
			v.deleted++
		} else if !m.finished || m.reason != v1alpha1.ReasonLoggedOut || len(calls) == 0 {
			wrong(&v.lost, m, fmt.Sprintf("finished: %t, reason %q, %d calls that succeeded", m.finished, m.reason,
				len(calls)))
		}
		for _, id := range m.stored {
			if !slices.ContainsFunc(calls, func(e chimetest.Entry) bool { return e.RequestID == id }) {
				wrong(&v.foreign, m, "has the outcome of request "+id)
			}
		}
		for i := range max(0, len(calls)-1) {
			v.repeated++
			first, again := calls[i], calls[i+1]
			killed := slices.ContainsFunc(deaths, func(d death) bool {
				return d.to.After(first.Time) && d.from.Before(again.Time)
			})
			if !killed || slices.Contains(m.stored, first.RequestID) {
				wrong(&v.unexplained, m, fmt.Sprintf("called at %s and at %s; attempts that failed: %q",
					first.Time.Format(time.StampMilli), again.Time.Format(time.StampMilli), m.failures))
			}
		}
	}
	return v
}
