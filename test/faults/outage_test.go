package faults

import (
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// TestAPIServerDown: while the API server is unreachable no call is made, and when it returns everything finishes
// without a repeat: the call that was under way, the objects that were about to be claimed, and those created since.
func TestAPIServerDown(t *testing.T) {
	const known, unseen, tries = 5, 20, 5
	p := newProxy(t)
	startOperator(t, p)

	hold := service.Hold(account, nameFor(t, 0))
	objects := []*v1alpha1.UserLogout{create(t, nameFor(t, 0))}
	receive(t, hold.Arrived(), "the call")
	claims := newGate(t)
	for range known {
		name := nameFor(t, len(objects))
		p.meet(claim, name, claims.hold)
		objects = append(objects, create(t, name))
	}
	claims.awaitArrivals(t, known)

	p.cut()
	claims.open()
	hold.Release()
	for range unseen {
		objects = append(objects, create(t, nameFor(t, len(objects))))
	}
	p.awaitWrites(t, outcome, objects[0].Name, tries)
	for _, obj := range objects[1:] {
		if calls := service.Calls(account, obj.Spec.UserID); calls > 0 {
			t.Errorf("%s: %d calls while the API server was down", obj.Name, calls)
		}
	}

	mended := time.Now()
	p.mend()
	for _, obj := range objects {
		verify(t, obj, 1, 1)
	}
	t.Logf("%d objects finished %s after the API server came back", len(objects), time.Since(mended).Round(time.Millisecond))
}
