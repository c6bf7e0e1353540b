package gitops

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// TestAppliedAgain: an object that a TTL deletes but Git holds is created again, and logs the user out again, unless
// notAfter has passed by then.
func TestAppliedAgain(t *testing.T) {
	service := newService(t, credentials)
	applyProvider(t, "default", service.URL, "chime-credentials")
	startOperator(t)
	ready(t, "ClusterLogoutProvider", "default", v1alpha1.ReasonAvailable)

	until := time.Now().Add(10 * time.Second).UTC().Format(time.RFC3339)
	unbounded := logout("again", "ttlSecondsAfterFinished: 0")
	bounded := logout("once", fmt.Sprintf("ttlSecondsAfterFinished: 0\n  notAfter: %q", until))
	apply(t, logout("clock", fmt.Sprintf("suspend: true\n  notAfter: %q", until))) // shows that the time has passed
	applyUntilDeleted := func(name, manifest, reason string, calls int) {
		t.Helper()
		service.SignIn(account, name, "laptop")
		w := startWatch(t, "UserLogout", name)
		apply(t, manifest)
		last := follow(t, w, "deleted", func(e watch.EventType, _ *unstructured.Unstructured) bool {
			return e == watch.Deleted
		})
		if got := condition(last, v1alpha1.ConditionReady)["reason"]; got != reason {
			t.Errorf("%s ended as %v, want %s", name, got, reason)
		}
		if got := service.Calls(account, name); got != calls {
			t.Errorf("%s: %d calls, want %d", name, got, calls)
		}
	}
	applyUntilDeleted("again", unbounded, v1alpha1.ReasonLoggedOut, 1)
	applyUntilDeleted("again", unbounded, v1alpha1.ReasonLoggedOut, 2)
	applyUntilDeleted("once", bounded, v1alpha1.ReasonLoggedOut, 1)
	ready(t, "UserLogout", "clock", v1alpha1.ReasonDeadlineExceeded)
	applyUntilDeleted("once", bounded, v1alpha1.ReasonDeadlineExceeded, 1)
	if sessions := service.Sessions(account, "once"); len(sessions) != 1 {
		t.Errorf("the session that began after the logout: %v", sessions)
	}
}

// TestNothingDrifts: applying a manifest again, as GitOps tools do every few minutes, writes nothing, whatever the
// operator and the schema have added since.
func TestNothingDrifts(t *testing.T) {
	service := newService(t, credentials)
	applyProvider(t, "default", service.URL, "chime-credentials")
	startOperator(t)
	provider := ready(t, "ClusterLogoutProvider", "default", v1alpha1.ReasonAvailable)
	// The time is in another format than the API server or the operator would write.
	manifest := logout("steady", `notAfter: "2999-01-01T01:00:00+01:00"`)
	service.SignIn(account, "steady", "laptop")
	apply(t, manifest)
	finished := ready(t, "UserLogout", "steady", v1alpha1.ReasonLoggedOut)
	apply(t, manifest)
	apply(t, fmt.Sprintf(providerManifest, "default", service.URL, "chime-credentials"))
	for _, before := range []*unstructured.Unstructured{finished, provider} {
		after := get(t, before.GetKind(), before.GetName())
		if after.GetGeneration() != before.GetGeneration() ||
			after.GetResourceVersion() != before.GetResourceVersion() {
			t.Errorf("%s has changed: from\n%v\nto\n%v", before.GetKind(), before, after)
		}
	}
}
