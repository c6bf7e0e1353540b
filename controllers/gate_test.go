package controllers_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
)

// TestHoldsTheProvider checks that a Retry-After for one object pauses all calls to the provider, and that the status
// shows it.
func TestHoldsTheProvider(t *testing.T) {
	const retryAfter = 3 * time.Second
	tt := newTenant(t)
	first := tt.newLogout()
	service.SignIn(account, first.Spec.UserID, "laptop")
	answer := throttled(1)
	answer.Header = map[string]string{"Retry-After": fmt.Sprint(retryAfter.Seconds())}
	service.Script(account, first.Spec.UserID, answer)
	tt.create(first)
	awaitReason(tt, first, v1alpha1.ReasonThrottled)
	objects := []*v1alpha1.UserLogout{first, tt.logout(), tt.logout(), tt.logout()}
	p := awaitProvider(tt, v1alpha1.ReasonThrottled)
	if h := p.Status.Hold; h == nil || h.Reason != v1alpha1.ReasonThrottled ||
		h.NextProbeTime.Sub(h.Since.Time) < retryAfter {
		t.Errorf("hold %+v", h)
	}
	if meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReconciling) == nil {
		t.Error("not Reconciling, although it recovers by itself")
	}
	awaitEvent(tt, p, v1alpha1.ReasonThrottled)
	for _, obj := range objects {
		awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
	}
	awaitProviderStatus(tt, "all is well", func(s v1alpha1.ClusterLogoutProviderStatus) bool {
		return readyReason(s.Conditions) == v1alpha1.ReasonAvailable && s.Hold == nil && *s.Waiting == 0
	})
	var refused time.Time
	for _, call := range callsOf(objects) {
		switch {
		case call.Status != 204:
			refused = call.Time.Add(call.Duration)
		case call.Time.Before(refused.Add(retryAfter)):
			t.Errorf("called %s after the answer", call.Time.Sub(refused))
		}
	}
	wantCalls(tt, first, 2)
}

// callsOf returns the journal's entries for the users of the objects.
func callsOf(objects []*v1alpha1.UserLogout) (calls []chimetest.Entry) {
	users := map[string]bool{}
	for _, obj := range objects {
		users[obj.Spec.UserID] = true
	}
	for _, entry := range service.Journal() {
		if users[entry.UserID] {
			calls = append(calls, entry)
		}
	}
	return calls
}

// TestQueuedIsVisible checks that an object that has to wait for long says so, that the provider reports how many wait,
// and that a higher limit applies at once.
func TestQueuedIsVisible(t *testing.T) {
	tt := newTenant(t, func(p *v1alpha1.ClusterLogoutProvider) {
		p.Spec.RateLimit = v1alpha1.RateLimit{RequestsPerSecond: 1, Burst: 1}
	})
	objects := make([]*v1alpha1.UserLogout, 20)
	for i := range objects {
		objects[i] = tt.logout()
	}
	last := awaitReason(tt, objects[len(objects)-1], v1alpha1.ReasonQueued)
	if c := meta.FindStatusCondition(last.Status.Conditions, v1alpha1.ConditionReconciling); c == nil ||
		c.Reason != v1alpha1.ReasonQueued {
		t.Errorf("Reconciling %+v", c)
	}
	waiting := awaitProviderStatus(tt, "somebody waits", func(s v1alpha1.ClusterLogoutProviderStatus) bool {
		return s.Waiting != nil && *s.Waiting > 0
	})
	if reason := readyReason(waiting.Status.Conditions); reason != v1alpha1.ReasonAvailable {
		t.Errorf("provider %s, although it only has much to do", reason)
	}
	patch(tt, waiting, func(p *v1alpha1.ClusterLogoutProvider) { p.Spec.RateLimit.RequestsPerSecond = 1000 })
	for _, obj := range objects {
		awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
		wantCalls(tt, obj, 1)
	}
	awaitProviderStatus(tt, "nobody waits",
		func(s v1alpha1.ClusterLogoutProviderStatus) bool { return *s.Waiting == 0 })
}

// TestWrongEndpointFixed checks that logouts fail at an endpoint that is no LogoutUser service, and succeed once the
// administrator has corrected the endpoint.
func TestWrongEndpointFixed(t *testing.T) {
	tt := newTenant(t, func(p *v1alpha1.ClusterLogoutProvider) { p.Spec.AmazonChime.Endpoint += "/nowhere" })
	obj := tt.logout()
	awaitReason(tt, obj, v1alpha1.ReasonUnexpectedResponse)
	p := awaitProvider(tt, v1alpha1.ReasonUnexpectedResponse)
	patch(tt, p, func(p *v1alpha1.ClusterLogoutProvider) { p.Spec.AmazonChime.Endpoint = service.URL })
	awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
	awaitProvider(tt, v1alpha1.ReasonAvailable)
}

// TestOneTenantsFailuresAreNotAnothers checks that failures that may be the fault of one tenant's objects do not pause
// another tenant's calls.
func TestOneTenantsFailuresAreNotAnothers(t *testing.T) {
	tt := newTenant(t)
	awaitReason(tt, tt.logout(), v1alpha1.ReasonLoggedOut) // the service is known to work
	poisoned := *tt
	poisoned.namespace += "-poisoned"
	tt.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: poisoned.namespace,
		Labels: map[string]string{"allowed": "true"}}})
	for range 2 {
		obj := poisoned.newLogout()
		service.Script(account, obj.Spec.UserID, chimetest.Answer{Code: "AccessDeniedException", Status: 403,
			Times: chimetest.Forever})
		tt.create(obj)
		awaitReason(tt, obj, v1alpha1.ReasonUnauthorized)
	}
	awaitReason(tt, tt.logout(), v1alpha1.ReasonLoggedOut)
	awaitProvider(tt, v1alpha1.ReasonAvailable)
}
