package gate

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// lookEvery is how often all waiting objects are searched for those that must be told and those that have expired.
	// The search takes a millisecond for a hundred thousand objects. A timer for each object would take more memory
	// than the object does.
	lookEvery = time.Second
	// spreadEvery is how often some of the objects found are handed out. Each one costs a status write, and writing all
	// of them at once would delay other objects' calls.
	spreadEvery = 20 * time.Millisecond
)

// round holds the objects to look at before the next search, spread evenly over that time.
type round struct {
	left  []types.NamespacedName
	total int
	began time.Time
}

func newRound(keys []types.NamespacedName, now time.Time) round {
	return round{left: keys, total: len(keys), began: now}
}

// over reports whether it is time for the next round.
func (r *round) over(now time.Time) bool {
	return len(r.left) == 0 && now.Sub(r.began) >= lookEvery
}

// due removes and returns the objects whose time has come.
func (r *round) due(now time.Time) (keys []types.NamespacedName) {
	const steps = int(lookEvery / spreadEvery)
	step := min(1+int(now.Sub(r.began)/spreadEvery), steps)
	until := (step*r.total + steps - 1) / steps // rounded up, so that a single object is due at once
	n := until - (r.total - len(r.left))
	keys, r.left = r.left[:n], r.left[n:]
	return keys
}

// next is how long until due should be called again.
func (r *round) next(now time.Time) time.Duration {
	since := now.Sub(r.began)
	if len(r.left) == 0 {
		return max(0, lookEvery-since)
	}
	return spreadEvery - since%spreadEvery
}
