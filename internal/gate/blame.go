package gate

import (
	"maps"
	"slices"
	"time"

	"github.com/logout-operator/logout-operator/internal/logout"
)

const (
	// cleanFor is how long a success for one namespace is evidence that a failure of another is not everybody's: twice
	// as long as the longest pause that a wrong guess would cause, in which nobody can succeed.
	cleanFor = 2 * logout.MaxRetryAfter
	// cleanAfter is how many successes in a row make a namespace clean again after a failure.
	cleanAfter = 4
	// wrongFor is how long it is remembered that the service was blamed wrongly.
	wrongFor = 12 * logout.MaxRetryAfter
)

// blame finds out whom an answer such as 503 or 429 concerns: everybody, or one user, account or tenant. It is
// everybody if no other namespace is known to be served, or if many namespaces have failed in a row.
type blame struct {
	// recent holds the namespaces whose calls ended last, the most recent first, so that many calls of one tenant cannot
	// push out what is known of others.
	recent [64]served
	// failed are the namespaces that have failed since the last success, while others were served.
	failed map[string]bool
	// accused are those that have failed when the service was last blamed although it had served others. What comes of
	// their next call shows whether that was right.
	accused map[string]bool
	// own are those of them that failed again while others were served. They are no evidence any more until they
	// succeed.
	own map[string]bool
	// wrong is how often in a row the service was blamed wrongly, and wrongAt when that was last found.
	wrong   int
	wrongAt time.Time
	// rate is that from before the service was blamed, in calls a second, for when that was wrong; 0 if it was not blamed.
	rate float64
}

// served is what is known of a namespace.
type served struct {
	namespace string
	at        time.Time // the last success
	clean     int       // successes in a row, counted from below zero after a failure; the namespace is clean above zero
}

// of returns the entry of a namespace, and makes it the most recent one.
func (b *blame) of(namespace string) *served {
	i := slices.IndexFunc(b.recent[:], func(s served) bool { return s.namespace == namespace })
	is := served{namespace: namespace}
	if i >= 0 {
		is = b.recent[i]
	} else {
		i = len(b.recent) - 1
	}
	copy(b.recent[1:i+1], b.recent[:i])
	b.recent[0] = is
	return &b.recent[0]
}

// success records that the service has carried out a call for a namespace.
func (b *blame) success(namespace string, now time.Time) {
	is := b.of(namespace)
	is.at = now
	is.clean++
	if b.accused[namespace] { // the failure is over for those that had it
		b.accused, b.wrong, b.rate = nil, 0, 0
	}
	delete(b.own, namespace)
	clear(b.failed)
}

// failure records a failure of a namespace, and reports whether it is everybody's. If it shows that the service was
// blamed wrongly, rate is that from before.
func (b *blame) failure(namespace string, now time.Time) (all bool, rate float64) {
	b.of(namespace).clean = 1 - cleanAfter
	switch others := b.servesOthers(namespace, now); {
	case b.accused[namespace] && others: // it fails again, while others are served
		return false, b.convict(now)
	case b.own[namespace]:
		return false, 0
	case !others:
		return true, 0
	}
	if b.failed == nil {
		b.failed = map[string]bool{}
	}
	if len(b.failed) < lastThreshold {
		b.failed[namespace] = true
	}
	return len(b.failed) >= b.threshold(now), 0
}

// convict notes that the service was blamed wrongly, and returns the rate from before.
func (b *blame) convict(now time.Time) (rate float64) {
	rate, b.rate = b.rate, 0
	b.wrongAt = now
	b.wrong++
	if b.own == nil || len(b.own) >= mostRemembered {
		b.own = map[string]bool{}
	}
	maps.Copy(b.own, b.accused)
	b.accused = nil
	return rate
}

// accuse notes that the service is blamed for the failures of several namespaces, and returns these. rate is the
// current rate.
func (b *blame) accuse(namespace string, rate float64) (accused map[string]bool) {
	if !b.failed[namespace] {
		return nil
	}
	if b.accused == nil || len(b.accused) >= mostRemembered {
		b.accused = map[string]bool{}
	}
	maps.Copy(b.accused, b.failed)
	b.failed, b.rate = nil, max(b.rate, rate)
	return b.accused
}

// threshold is how many namespaces have to fail in a row before the service is blamed although it has served others
// lately. It doubles each time that this turns out to be wrong.
func (b *blame) threshold(now time.Time) int {
	if now.Sub(b.wrongAt) >= wrongFor {
		return blameThreshold
	}
	return min(blameThreshold<<min(b.wrong, 10), lastThreshold)
}

// serves reports whether a namespace is clean: its last calls succeeded, and the last of them lately.
func (b *blame) serves(namespace string, now time.Time) bool {
	return slices.ContainsFunc(b.recent[:], func(s served) bool { return s.namespace == namespace && s.isClean(now) })
}

// servesOthers reports whether another namespace is clean.
func (b *blame) servesOthers(namespace string, now time.Time) bool {
	return slices.ContainsFunc(b.recent[:], func(s served) bool { return s.namespace != namespace && s.isClean(now) })
}

func (s *served) isClean(now time.Time) bool { return s.clean > 0 && now.Sub(s.at) <= cleanFor }
