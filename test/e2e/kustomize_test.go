package e2e

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// TestKustomize installs config/default, runs all scenarios, and uninstalls it. The scenarios share the installation
// and follow each other; each can also run alone.
func TestKustomize(t *testing.T) {
	needsCluster(t)
	refuseUsedCluster(t)
	service := startService(t)

	began := time.Now()
	installation := render(t, "test/e2e/manifests/operator", "logout-operator", image)
	apply(t, installation)
	diagnose(t)
	replicas(t)
	note(t, "installed and two replicas ready after", time.Since(began))
	noteImage(t)
	r := newRig(t, service)

	t.Run("pods are as restricted as they can be", restricted)
	t.Run("logout", r.logout)
	t.Run("tenant", r.tenants)
	t.Run("metrics", metrics)
	t.Run("leader deleted", func(t *testing.T) { r.failover(t, deleted) })
	t.Run("leader killed", func(t *testing.T) { r.failover(t, killed) })
	t.Run("rollout", r.rollout)
	t.Run("rotation", r.rotation)

	began = time.Now()
	uninstall(t, installation)
	note(t, "uninstalled, and nothing left, after", time.Since(began))
}

// restricted: the operator's pods run as an ordinary user who can neither write files nor gain privileges, and its
// namespace accepts no other pods.
func restricted(t *testing.T) {
	for _, p := range replicas(t) {
		pod, c := p.Spec.SecurityContext, p.Spec.Containers[0].SecurityContext
		if len(p.Spec.Containers) != 1 || len(p.Spec.InitContainers) != 0 || len(p.Spec.EphemeralContainers) != 0 {
			t.Errorf("%s: not one container", p.Name)
		}
		if !ptr.Deref(pod.RunAsNonRoot, false) || pod.RunAsUser != nil || c.RunAsUser != nil {
			t.Errorf("%s: not run as the image's user: %+v, %+v", p.Name, pod, c)
		}
		if !ptr.Deref(c.ReadOnlyRootFilesystem, false) || ptr.Deref(c.AllowPrivilegeEscalation, true) ||
			ptr.Deref(c.Privileged, true) {
			t.Errorf("%s: may write to its root or gain privileges: %+v", p.Name, c)
		}
		if len(c.Capabilities.Drop) != 1 || c.Capabilities.Drop[0] != "ALL" || len(c.Capabilities.Add) != 0 {
			t.Errorf("%s: capabilities %+v", p.Name, c.Capabilities)
		}
		for _, v := range p.Spec.Volumes {
			if v.Projected == nil { // the token
				t.Errorf("%s: volume %s", p.Name, v.Name)
			}
		}
		// Compare with the container runtime, if it reports the user.
		if u := p.Status.ContainerStatuses[0].User; u != nil && u.Linux.UID != 65532 {
			t.Errorf("%s runs as %d", p.Name, u.Linux.UID)
		}
		if n := p.Status.ContainerStatuses[0].RestartCount; n > 0 {
			t.Errorf("%s has been restarted %d times", p.Name, n)
		}
	}

	ordinary := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: operatortest.Namespace, Name: "ordinary"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "ordinary", Image: image}}},
	}
	if err := admin.Create(t.Context(), ordinary); !apierrors.IsForbidden(err) || !says(err, "restricted") {
		t.Errorf("a pod that says nothing about its rights: %v, want a refusal by Pod Security", err)
		_ = admin.Delete(t.Context(), ordinary)
	}
}

// logout: one object causes one call, and the user's session ends.
func (r *rig) logout(t *testing.T) {
	r.logOutOne(t, "jane")
	sum := r.count(t, []string{"jane"})
	sum.check(t, 0, 0)
	if sum.keys[firstKey.id] != 1 {
		t.Errorf("calls by key: %v, want one by %s", sum.keys, firstKey.id)
	}
}
