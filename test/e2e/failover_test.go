package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// lease is the lease with which the operator's replicas elect their leader.
var lease = client.ObjectKey{Namespace: operatortest.Namespace, Name: "logout-operator.logout-operator.io"}

// inFlight is how many calls are in flight when the leader ends: as many as it makes at a time. The others wait.
const inFlight, others = 50, 10

// end is one way in which the leader's pod ends.
type end struct {
	name string
	// grace is the grace period of the deletion; nil for the pod's own.
	grace *int64
	// call is how long a call takes. Calls outlast the deletion and the kill.
	call time.Duration
	// repeats is how many calls may be repeated.
	repeats int
}

var (
	// deleted: SIGTERM, and time for the calls to end.
	deleted = end{"deleted", nil, 5 * time.Second, 0}
	// killed: the pod is gone from the API server at once, and SIGKILL follows about two seconds later, the shortest
	// time that a kubelet allows.
	killed = end{"killed", ptr.To[int64](0), 8 * time.Second, inFlight}
)

// failover: when the leader ends with calls in flight, every object finishes, and calls are repeated only if the leader
// was killed during them.
func (r *rig) failover(t *testing.T, e end) {
	var stored, between, taken, done []time.Duration
	repeats := 0
	for i := range *failovers {
		f := r.failOver(t, e, fmt.Sprintf("%s-%d", e.name, i))
		f.sum.check(t, e.repeats, 0)
		repeats += f.sum.repeats
		taken, done = append(taken, f.taken), append(done, f.done)
		if e.repeats == 0 {
			stored, between = append(stored, f.stored), append(between, f.taken-f.stored)
		}
		if t.Failed() {
			return
		}
	}
	noteSpread(t, "from the deletion to the last outcome of the old leader", stored)
	noteSpread(t, "from there to the first claim of the new leader", between)
	noteSpread(t, "from the deletion to the first claim of the new leader", taken)
	noteSpread(t, "from the deletion to the end of all objects", done)
	note(t, "calls in flight, each time", inFlight)
	note(t, "calls repeated, in all", repeats)
}

// failure is the result of one failover: times since the deletion, and a count of the objects.
type failure struct {
	stored, taken, done time.Duration
	sum                 tally
}

func (r *rig) failOver(t *testing.T, e end, name string) (f failure) {
	t.Helper()
	pods := replicas(t)
	old := leader(t, pods)
	r.logOutOne(t, name+"-first") // a new leader makes one call before it makes more
	calling, waiting := names(name+"-calling", inFlight), names(name+"-waiting", others)
	all := slices.Concat(calling, waiting)
	r.signIn(t, all)
	r.service.answer(t, chimetest.Answer{Times: inFlight, Delay: e.call})
	r.logOut(t, calling)
	r.objects.await(t, "the calls to be under way", calling, inFlight, claimed)
	r.logOut(t, waiting)

	began := time.Now()
	if n := r.objects.count(all, member.calling); n != inFlight || r.objects.count(waiting, claimed) > 0 {
		t.Fatalf("%d calls are under way, want %d", n, inFlight)
	}
	if err := admin.Delete(t.Context(), old, &client.DeleteOptions{GracePeriodSeconds: e.grace}); err != nil {
		t.Fatal(err)
	}
	r.objects.await(t, "the other replica to take over", waiting, 1, claimed)
	if holder(t) == old.Name {
		t.Fatalf("%s has made a claim after its deletion", old.Name)
	}
	f.sum = r.count(t, all)
	f.done = time.Since(began)
	r.service.answer(t)

	members, _ := r.objects.those(all)
	f.taken = f.done
	for _, name := range waiting {
		f.taken = min(f.taken, members[name].claimed.Sub(began))
	}
	for _, name := range calling {
		f.stored = max(f.stored, members[name].finished.Sub(began))
	}
	return f
}

// leader waits until one of the pods holds the lease, and returns it.
func leader(t *testing.T, pods []*corev1.Pod) (found *corev1.Pod) {
	t.Helper()
	awaitOne(t, "one of the replicas to lead", &coordinationv1.LeaseList{}, lease, func(l *coordinationv1.Lease) bool {
		i := slices.IndexFunc(pods, func(p *corev1.Pod) bool { return p.Name == holderOf(l) })
		if i >= 0 {
			found = pods[i]
		}
		return i >= 0
	})
	return found
}

// holder returns the name of the pod that holds the lease now.
func holder(t *testing.T) string {
	t.Helper()
	var l coordinationv1.Lease
	if err := admin.Get(t.Context(), lease, &l); err != nil {
		t.Fatal(err)
	}
	return holderOf(&l)
}

func holderOf(l *coordinationv1.Lease) string {
	pod, _, _ := strings.Cut(ptr.Deref(l.Spec.HolderIdentity, ""), "_")
	return pod
}
