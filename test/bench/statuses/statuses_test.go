package statuses_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/bench/statuses"
)

func TestSame(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	obj := &v1alpha1.UserLogout{ObjectMeta: metav1.ObjectMeta{Generation: 1,
		CreationTimestamp: metav1.Time{Time: now.Truncate(time.Second)}}}
	obj.Status.ObservedGeneration = -1
	if statuses.Same(obj) {
		t.Error("not attempted: got true")
	}
	obj.Status = statuses.Claimed(obj, now)
	if statuses.Same(obj) {
		t.Error("claimed: got true")
	}
	attempt := v1alpha1.AttemptStatus{Time: metav1.Time{Time: now}, HTTPStatusCode: 204, RequestID: "any"}
	obj.Status = statuses.LoggedOut(obj, attempt, now.Add(time.Minute))
	if !statuses.Same(obj) {
		t.Errorf("logged out: got false for %+v", obj.Status)
	}
	obj.Status.Attempts++
	if statuses.Same(obj) {
		t.Error("logged out by the second attempt: got true")
	}
}
