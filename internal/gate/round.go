package gate

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// lookEvery is how often those that wait are looked through for who is to be
	// told, and for whom waiting has come to an end: a millisecond for a hundred
	// thousand. A timer for each of them would take more memory than they do.
	lookEvery = time.Second
	// spreadEvery is how often some of those are handed out. Each costs a write of
	// its status, and all of a second at once would hold up the calls of others.
	spreadEvery = 20 * time.Millisecond
)

// round is the objects that have to be looked at until the next look, evenly spread over that time.
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

// due takes out the objects whose time has come.
func (r *round) due(now time.Time) (keys []types.NamespacedName) {
	const steps = int(lookEvery / spreadEvery)
	step := min(1+int(now.Sub(r.began)/spreadEvery), steps)
	until := (step*r.total + steps - 1) / steps // rounded up, so that one alone is due at once
	n := until - (r.total - len(r.left))
	keys, r.left = r.left[:n], r.left[n:]
	return keys
}

// next is how long until due is to be asked again.
func (r *round) next(now time.Time) time.Duration {
	since := now.Sub(r.began)
	if len(r.left) == 0 {
		return max(0, lookEvery-since)
	}
	return spreadEvery - since%spreadEvery
}
