package faults

import (
	"net/http"
	"strings"
	"testing"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/apiproxy"
	"github.com/logout-operator/logout-operator/test/figures"
)

// TestOutcomesNotTaken: objects whose outcomes the API server does not take, as a webhook or a quota would have it, do not keep
// the provider's calls from others for longer than their claims stand, and are not called for again. Their outcomes are stored
// when they are taken.
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
			o.Log.AwaitLines(t, 0, len(bad), "outcome not stored: it is kept in memory")
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
