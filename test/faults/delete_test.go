package faults

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/apiproxy"
)

// TestDelete: an object can be deleted at any time, and one that is re-created under its name is a new logout that
// never gets the outcome of the old one.
func TestDelete(t *testing.T) {
	p := apiproxy.New(t, plane.Config)
	startOperator(t, p)
	for _, tc := range []struct {
		name      string
		at        func(t *testing.T, p *apiproxy.Proxy, name string) (arrived, release func())
		recreated bool
	}{
		{"deleted in the call", holdCall, false},
		{"deleted in the outcome's write", holdOutcome, false},
		{"re-created in the call", holdCall, true},
		{"re-created in the outcome's write", holdOutcome, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			name := nameFor(t, 0)
			arrived, release := tc.at(t, p, name)
			obj := create(t, name)
			arrived()
			deleteNow(t, obj)
			if !tc.recreated {
				release()
				p.AwaitWrites(t, apiproxy.Outcome, name, 1)
				verifyCalls(t, name, 1)
				return
			}
			again := create(t, name)
			release()
			status := verify(t, again, 2, 1)
			if got, want := status.LastAttempt.RequestID, lastRequestID(name); got != want {
				t.Errorf("the new object has the outcome of request %s, not of its own, %s", got, want)
			}
		})
	}
}

// deleteNow deletes an object and checks that it is gone at once.
func deleteNow(t *testing.T, obj *v1alpha1.UserLogout) {
	t.Helper()
	if err := admin.Delete(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(obj), &v1alpha1.UserLogout{}); !apierrors.IsNotFound(err) {
		t.Errorf("%s is not gone: %v", obj.Name, err)
	}
}

// lastRequestID returns the request ID of the last call to a user.
func lastRequestID(userID string) (id string) {
	for _, entry := range service.Journal() {
		if entry.UserID == userID {
			id = entry.RequestID
		}
	}
	return id
}
