package lifecycle

import (
	"iter"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// Census counts unfinished objects by state, and returns the age of the oldest one that is not suspended.
func Census(objects iter.Seq[*v1alpha1.UserLogout], now time.Time) (states map[string]int, oldest time.Duration) {
	states = map[string]int{stateWaiting: 0, stateCalling: 0, stateRetrying: 0, stateSuspended: 0}
	for obj := range objects {
		state := stateOf(obj)
		states[state]++
		if state != stateSuspended {
			oldest = max(oldest, now.Sub(obj.CreationTimestamp.Time))
		}
	}
	return states, oldest
}

// These are the states of an unfinished object in the metrics.
const (
	stateWaiting   = "Waiting"
	stateCalling   = "Calling"
	stateRetrying  = "Retrying"
	stateSuspended = "Suspended"
)

func stateOf(obj *v1alpha1.UserLogout) string {
	switch is := Ready(obj.Status); {
	case Suspended(obj):
		return stateSuspended
	case is.Reason == v1alpha1.ReasonCalling:
		return stateCalling
	case is.Status == metav1.ConditionFalse:
		return stateRetrying
	}
	return stateWaiting
}
