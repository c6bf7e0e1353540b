package faults

import (
	"net/http"
	"strings"
	"testing"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/figures"
)

// TestOutcomesNotTaken: the API server rejects the outcomes of some objects, as a webhook or a quota could. These
// objects do not block the provider's calls for other objects for longer than their claims last, and the operator does
// not call for them again. It stores their outcomes once the API server accepts them.
func TestOutcomesNotTaken(t *testing.T) {
	for _, status := range []int{http.StatusInternalServerError, http.StatusTooManyRequests, http.StatusForbidden} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			p := apiproxy.New(t, plane.Config)
			o := startOperator(t, p)
			const untaken = "untaken"
			refused := apiproxy.Refused(status)
			p.Choose(func(k apiproxy.Kind, name string) apiproxy.Fault {
				if k == apiproxy.Outcome && strings.Contains(name, untaken) {
					return refused
				}
				return nil
			})
			var bad, good []*v1alpha1.UserLogout
			for i := range 2 * workers { // more than can be called for at a time
				bad = append(bad, create(t, nameFor(t, i, untaken)))
			}
			for _, obj := range bad[:workers] {
				p.AwaitWrites(t, apiproxy.Outcome, obj.Name, 1)
			}
			for i := range workers {
				good = append(good, create(t, nameFor(t, i)))
			}
			for _, obj := range good {
				verify(t, obj, 1, 1)
			}
			o.Log.AwaitLines(t, 0, len(bad), "outcome not stored; kept in memory")
			p.Choose(nil)
			repeats := 0
			for _, obj := range bad {
				verify(t, obj, 1, 1)
				repeats += service.Calls(account, obj.Name) - 1
			}
			figures.AtMost(t, "repeats", repeats, 0, true)
		})
	}
}
