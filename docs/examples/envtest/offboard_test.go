package offboard

import (
	"context"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

var jane = User{AccountID: "12a3456b-7c89-012d-3456-78901e23fg45", ID: "1ab2345c-67de-8901-f23g-45h678901j2k"}

// TestOffboard needs no operator: it looks at the object that Offboard makes, and
// gives it the end that an operator would.
func TestOffboard(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		want   string // part of the error; empty for none
	}{
		"logged out":   {v1alpha1.ReasonLoggedOut, ""},
		"unknown user": {v1alpha1.ReasonNotFound, "not logged out: NotFound"},
		"too late":     {v1alpha1.ReasonDeadlineExceeded, "not logged out: DeadlineExceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			namespace := newNamespace(t)
			done := make(chan error, 1)
			go func() { done <- Offboard(ctx, c, namespace, jane) }()

			obj := awaitCreated(ctx, t, namespace)
			if obj.Spec.AccountID != jane.AccountID || obj.Spec.UserID != jane.ID {
				t.Errorf("asks for another user: %+v", obj.Spec)
			}
			if obj.Spec.NotAfter == nil || obj.Spec.NotAfter.Sub(obj.CreationTimestamp.Time) > patience+time.Second {
				t.Errorf("may log out after Offboard has given up: notAfter %v", obj.Spec.NotAfter)
			}
			finish(ctx, t, obj, tc.reason)
			err := <-done
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestOffboardRefusesWhatTheSchemaRefuses(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := Offboard(ctx, c, newNamespace(t), User{AccountID: jane.AccountID, ID: jane.ID + " "})
	if err == nil || !strings.Contains(err.Error(), "spec.userID") {
		t.Errorf("got %v, want an error that names the field", err)
	}
}

// awaitCreated returns the first UserLogout of the namespace.
func awaitCreated(ctx context.Context, t *testing.T, namespace string) *v1alpha1.UserLogout {
	t.Helper()
	w, err := c.Watch(ctx, &v1alpha1.UserLogoutList{}, client.InNamespace(namespace))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	obj, ok := (<-w.ResultChan()).Object.(*v1alpha1.UserLogout)
	if !ok {
		t.Fatal("no UserLogout was created")
	}
	return obj
}

// finish writes the status with which the operator ends an object; reason is that of Ready.
func finish(ctx context.Context, t *testing.T, obj *v1alpha1.UserLogout, reason string) {
	t.Helper()
	now := metav1.Now()
	obj.Status.ObservedGeneration = obj.Generation
	obj.Status.CompletionTime = &now
	set := func(kind string, status metav1.ConditionStatus, reason string) {
		meta.SetStatusCondition(&obj.Status.Conditions, metav1.Condition{Type: kind, Status: status, Reason: reason,
			ObservedGeneration: obj.Generation, Message: "set by a test"})
	}
	if reason == v1alpha1.ReasonLoggedOut {
		set(v1alpha1.ConditionReady, metav1.ConditionTrue, reason)
		set(v1alpha1.ConditionFinished, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)
	} else {
		set(v1alpha1.ConditionReady, metav1.ConditionFalse, reason)
		set(v1alpha1.ConditionStalled, metav1.ConditionTrue, reason)
		set(v1alpha1.ConditionFinished, metav1.ConditionTrue, v1alpha1.ReasonFailed)
	}
	if err := c.Status().Update(ctx, obj); err != nil {
		t.Fatal(err)
	}
}
