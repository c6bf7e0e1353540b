package overload

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// population is the state of the UserLogouts of one namespace. A watch records it, because events that must never
// happen in between (attempts that go down) cannot be seen at the end.
type population struct {
	await.State
	members  map[types.UID]member
	finished int
	queued   int      // at the moment
	uncalled int      // attempts that ended before their call, because the gate paused
	setbacks []string // objects whose attempts went down
}

// member is the last status of an object.
type member struct {
	name     string
	attempts int
	answer   int // HTTP status of the last attempt
	reason   string
	finished bool
}

// watchPopulation watches the objects of the namespace until the test is over.
func watchPopulation(t *testing.T, namespace string) *population {
	t.Helper()
	p := &population{members: map[types.UID]member{}}
	operatortest.Watch(t, cluster.Config, namespace, toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { p.see(obj.(*v1alpha1.UserLogout)) },
		UpdateFunc: func(_, obj any) { p.see(obj.(*v1alpha1.UserLogout)) },
	})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("objects in %s by the reason of Ready: %v", namespace, p.reasons())
		}
	})
	return p
}

// reasons counts the objects by the reason of the Ready condition.
func (p *population) reasons() map[string]int {
	n := map[string]int{}
	p.Look(func() {
		for _, m := range p.members {
			n[m.reason]++
		}
	})
	return n
}

func (p *population) see(obj *v1alpha1.UserLogout) {
	now := member{name: obj.Name, attempts: int(obj.Status.Attempts)}
	if last := obj.Status.LastAttempt; last != nil {
		now.answer = int(last.HTTPStatusCode)
	}
	if ready := meta.FindStatusCondition(obj.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		now.reason = ready.Reason
	}
	now.finished = meta.IsStatusConditionTrue(obj.Status.Conditions, v1alpha1.ConditionFinished)
	p.Change(func() {
		was := p.members[obj.UID]
		if now.attempts < was.attempts {
			p.setbacks = append(p.setbacks, fmt.Sprintf("%s: from %d to %d", obj.Name, was.attempts, now.attempts))
		}
		if now.finished && !was.finished {
			p.finished++
		}
		if was.reason == v1alpha1.ReasonCalling && now.reason == v1alpha1.ReasonQueued && now.attempts == was.attempts {
			p.uncalled++
		}
		if was.reason == v1alpha1.ReasonQueued {
			p.queued--
		}
		if now.reason == v1alpha1.ReasonQueued {
			p.queued++
		}
		p.members[obj.UID] = now
	})
}

// unfinished is how many objects have not finished.
func (p *population) unfinished() (n int) {
	p.Look(func() { n = len(p.members) - p.finished })
	return n
}

// awaitQueued returns when n objects say that they wait for their slots.
func (p *population) awaitQueued(t *testing.T, n int) {
	t.Helper()
	p.Await(t, fmt.Sprintf("%d objects to say that they wait", n), func() bool { return p.queued >= n })
}

// awaitSeen returns when the operator has written a status for n objects, at least that they wait.
func (p *population) awaitSeen(t *testing.T, n int) {
	t.Helper()
	p.Await(t, fmt.Sprintf("%d objects to have a status", n), func() bool {
		seen := 0
		for _, m := range p.members {
			if m.reason != "" {
				seen++
			}
		}
		return seen >= n
	})
}

// awaitFinished returns when n objects have finished, and the last status of every object by its name.
func (p *population) awaitFinished(t *testing.T, n int) map[string]member {
	t.Helper()
	p.Await(t, fmt.Sprintf("%d objects to finish", n), func() bool { return p.finished >= n })
	byName := map[string]member{}
	p.Look(func() {
		for _, m := range p.members {
			byName[m.name] = m
		}
	})
	return byName
}

// awaitAnswer returns when any object has stored the outcome of an attempt with this answer.
func (p *population) awaitAnswer(t *testing.T, status int) {
	t.Helper()
	p.Await(t, fmt.Sprintf("an attempt that was answered %d", status), func() bool {
		for _, m := range p.members {
			if m.answer == status {
				return true
			}
		}
		return false
	})
}
