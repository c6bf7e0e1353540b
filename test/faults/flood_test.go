package faults

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// TestFloodOfAnotherNamespace: one namespace has more objects that need a status write, and no call, than there are
// workers, and none of these writes ends. They occupy their namespace's share of the workers; another namespace's
// objects are called, and get the status writes that they need.
func TestFloodOfAnotherNamespace(t *testing.T) {
	const flooding, missing, share = "flooding", "missing", 5
	common().apply(t, operatortest.Tenant(flooding, true))
	p, g := apiproxy.New(t, plane.Config), apiproxy.NewGate(t)
	startLasting(t, p)
	var held atomic.Int64
	p.Choose(func(_ apiproxy.Kind, name string) apiproxy.Fault {
		if !strings.Contains(name, flooding) {
			return nil
		}
		held.Add(1)
		return g.Hold
	})
	objects := make([]*v1alpha1.UserLogout, 5*workers)
	for i := range objects {
		obj := newUserLogout(nameFor(t, i, flooding))
		obj.Namespace, obj.Spec.ProviderRef.Name = flooding, missing
		if err := admin.Create(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
		objects[i] = obj
	}
	g.AwaitArrivals(t, share)
	for i := range 2 * workers {
		verify(t, create(t, nameFor(t, i, "beside")), 1, 1)
	}
	blocked := newUserLogout(nameFor(t, 0, "beside, blocked"))
	blocked.Spec.ProviderRef.Name = missing
	if err := admin.Create(t.Context(), blocked); err != nil {
		t.Fatal(err)
	}
	awaitBlocked(t, blocked)
	figures.AtMost(t, "workers that have objects of one namespace without a slot", int(held.Load()), share, true)
	g.Open()
	for _, obj := range append(objects, blocked) {
		awaitBlocked(t, obj)
		deleteNow(t, obj)
	}
}

func awaitBlocked(t *testing.T, obj *v1alpha1.UserLogout) {
	t.Helper()
	e := &endpoint{on: common()}
	e.awaitStatus(t, obj, v1alpha1.ReasonProviderNotFound, func(s v1alpha1.UserLogoutStatus) bool {
		return readyOf(s).Reason == v1alpha1.ReasonProviderNotFound
	})
}
