package e2e

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// rollout: a rolling upgrade in the middle of 500 logouts loses none of them and repeats no call.
func (r *rig) rollout(t *testing.T) {
	const objects = 500
	before := replicas(t)
	old := []string{before[0].Name, before[1].Name}
	users := names("rollout", objects)
	r.signIn(t, users)
	// Ten calls a second of half a second each: some calls are always in flight, and there are logouts to do for the
	// whole rollout.
	setRate(t, slow)
	r.service.answer(t, chimetest.Answer{Times: chimetest.Forever, Delay: 500 * time.Millisecond})
	r.logOut(t, users)
	r.objects.await(t, "the logouts to be under way", users, 5, finished)

	began, calling := time.Now(), r.objects.count(users, member.calling)
	restart(t)
	replicas(t, old...)
	took, done := time.Since(began), r.objects.count(users, finished)
	if done == objects {
		t.Fatal("the logouts were over before the rollout")
	}
	r.service.answer(t)
	setRate(t, fast)
	sum := r.count(t, users)
	sum.check(t, 0, 0)
	note(t, "rollout", took)
	note(t, "logouts in all", objects)
	note(t, "calls in flight when it began", calling)
	note(t, "logouts done when the old pods were gone", done)
	note(t, "lost", sum.lost)
	note(t, "calls repeated", sum.repeats)
}

// restart does what kubectl rollout restart does.
func restart(t *testing.T) {
	t.Helper()
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: operatortest.Namespace, Name: "logout-operator"}}
	change(t, d, func() {
		if d.Spec.Template.Annotations == nil {
			d.Spec.Template.Annotations = map[string]string{}
		}
		d.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] = time.Now().Format(time.RFC3339)
	})
}
