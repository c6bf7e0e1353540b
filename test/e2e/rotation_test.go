package e2e

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// rotation: a new key replaces the old one while logouts continue, without a restart and without a rejected call. When
// a key is revoked before its successor is in the Secret, logouts wait, the provider says why, and none is lost.
func (r *rig) rotation(t *testing.T) {
	before := replicas(t)
	second, third := key{"AKIDEXAMPLE2", "the-second-secret"}, key{"AKIDEXAMPLE3", "the-third-secret"}

	users := names("rotated", 100)
	r.signIn(t, users)
	setRate(t, slow)
	r.logOut(t, users)
	r.objects.await(t, "the logouts to be under way", users, 1, finished)
	r.service.accept(t, firstKey, second)
	setKey(t, second)
	r.awaitKey(t, users, second)
	r.service.accept(t, second)
	setRate(t, fast)
	sum := r.count(t, users)
	sum.check(t, 0, 0)
	if sum.keys[firstKey.id] == 0 || sum.keys[second.id] == 0 {
		t.Errorf("calls by key: %v, want some by each", sum.keys)
	}
	note(t, "logouts while the key was exchanged", len(users))
	note(t, "of them refused", sum.refused)

	users = names("revoked", 20)
	r.signIn(t, users)
	r.service.accept(t, third)
	r.logOut(t, users)
	if c := awaitProvider(t, "the provider to say that its key is refused",
		metav1.ConditionFalse); c.Reason != v1alpha1.ReasonUnauthorized {
		t.Errorf("the provider is not ready because of %s: %s", c.Reason, c.Message)
	}
	began := time.Now()
	setKey(t, third)
	awaitProvider(t, "the provider to be ready again", metav1.ConditionTrue)
	sum = r.count(t, users)
	sum.check(t, 0, len(users))
	if sum.refused == 0 || sum.keys[third.id] != len(users) {
		t.Errorf("%d calls refused, calls by key: %v, want some refused and %d by %s", sum.refused, sum.keys,
			len(users), third.id)
	}
	note(t, "calls refused after the key was revoked", sum.refused)
	note(t, "from the new Secret to the end of all logouts", time.Since(began))

	for i, p := range replicas(t) {
		if p.Status.ContainerStatuses[0].RestartCount != 0 || p.Name != before[0].Name && p.Name != before[1].Name {
			t.Errorf("replica %d has been restarted", i)
		}
	}
}

// awaitKey waits until the last ten logouts were signed with this key, so that no call with another is still in flight.
func (r *rig) awaitKey(t *testing.T, users []string, k key) {
	t.Helper()
	const enough = 10
	for done := enough; ; done++ {
		r.objects.await(t, "calls by "+k.id, users, done, finished)
		entries := r.service.journal(t)
		by := 0
		for _, e := range entries[len(entries)-enough:] {
			if e.AccessKeyID == k.id {
				by++
			}
		}
		if by == enough {
			return
		}
	}
}
