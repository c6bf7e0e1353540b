package lifecycle

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

func TestCensus(t *testing.T) {
	blocked := func(obj *v1alpha1.UserLogout) {
		obj.Status = blockedStatus(obj, v1alpha1.ReasonNotAllowed, "not allowed", at(0))
	}
	objects := []*v1alpha1.UserLogout{
		object(), object(queuedAt(3)), object(claimedAt(0)), object(claimedAt(0), throttledAt(1, 9)), object(blocked),
		object(suspendedAt(0)),
	}
	objects[len(objects)-1].CreationTimestamp = *metaAt(-9999)
	states, oldest := Census(slices.Values(objects), at(20))
	want := map[string]int{stateWaiting: 2, stateCalling: 1, stateRetrying: 2, stateSuspended: 1}
	if !maps.Equal(states, want) || oldest != 20*time.Second {
		t.Errorf("states %v, want %v; oldest %s", states, want, oldest)
	}
	if states, oldest := Census(slices.Values(objects[:0]), at(0)); states[stateWaiting] != 0 ||
		len(states) != len(want) || oldest != 0 {
		t.Errorf("of none: %v, %s", states, oldest)
	}
}
