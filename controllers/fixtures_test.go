package controllers

import (
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
	"github.com/logout-operator/logout-operator/internal/logout"
)

func at(seconds int) time.Time {
	return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).Add(time.Duration(seconds) * time.Second)
}

// object returns a UserLogout as the API server returns it right after its creation.
func object(edits ...func(*v1alpha1.UserLogout)) *v1alpha1.UserLogout {
	obj := &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: "security", Name: "jane", UID: "1", Generation: 1,
			CreationTimestamp: metav1.Time{Time: at(0)}},
		Spec:   v1alpha1.UserLogoutSpec{AccountID: "account", UserID: "user", ActiveDeadlineSeconds: 3600},
		Status: v1alpha1.UserLogoutStatus{ObservedGeneration: -1},
	}
	for _, edit := range edits {
		edit(obj)
	}
	return obj
}

func claimedAt(seconds int) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) { obj.Status = lifecycle.Claimed(obj, at(seconds), 30*time.Second) }
}

func throttledAt(seconds, backoff int) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) {
		obj.Status = lifecycle.FailedAttempt(obj, at(seconds), &logout.Error{Reason: logout.Throttled}, at(seconds),
			time.Duration(backoff)*time.Second)
	}
}

func loggedOutAt(seconds int) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) {
		obj.Status = lifecycle.LoggedOut(obj, at(seconds), logout.Receipt{}, at(seconds))
	}
}

func refusedAt(seconds int) func(*v1alpha1.UserLogout) {
	return func(obj *v1alpha1.UserLogout) { obj.Status = refused(obj, at(seconds)) }
}

// refused returns the status of an object that has failed for good.
func refused(obj *v1alpha1.UserLogout, now time.Time) v1alpha1.UserLogoutStatus {
	return lifecycle.FailedAttempt(obj, now, &logout.Error{Reason: logout.NotFound}, now, 0)
}

func deleted(obj *v1alpha1.UserLogout) { obj.DeletionTimestamp = &metav1.Time{Time: at(0)} }

func equalStatus(a, b v1alpha1.UserLogoutStatus) bool { return equality.Semantic.DeepEqual(a, b) }
