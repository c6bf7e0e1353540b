package faults

import (
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/apiproxy"
	"github.com/logout-operator/logout-operator/test/await"
)

// TestAPIServerDown: while the API server is unreachable no call is made, and when it returns everything finishes
// without a repeat: the call that was under way, the objects that were about to be claimed, and those created since.
func TestAPIServerDown(t *testing.T) {
	const known, unseen, tries = 5, 20, 5
	p := apiproxy.New(t, plane.Config)
	startOperator(t, p)

	hold := service.Hold(account, nameFor(t, 0))
	objects := []*v1alpha1.UserLogout{create(t, nameFor(t, 0))}
	await.Receive(t, hold.Arrived(), "the call")
	claims := apiproxy.NewGate(t)
	for range known {
		name := nameFor(t, len(objects))
		p.Meet(apiproxy.Claim, name, claims.Hold)
		objects = append(objects, create(t, name))
	}
	claims.AwaitArrivals(t, known)

	p.Cut()
	claims.Open()
	hold.Release()
	for range unseen {
		objects = append(objects, create(t, nameFor(t, len(objects))))
	}
	p.AwaitWrites(t, apiproxy.Outcome, objects[0].Name, tries)
	for _, obj := range objects[1:] {
		if calls := service.Calls(account, obj.Spec.UserID); calls > 0 {
			t.Errorf("%s: %d calls while the API server was down", obj.Name, calls)
		}
	}

	mended := time.Now()
	p.Mend()
	for _, obj := range objects {
		verify(t, obj, 1, 1)
	}
	t.Logf("%d objects finished %s after the API server came back", len(objects), time.Since(mended).Round(time.Millisecond))
}
