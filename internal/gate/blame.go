package gate

import (
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
	// guessesFor is how long guesses that the service fails for everybody are remembered. A guess needs four times as
	// many namespaces as the one before (guessFactor), so there are three: a tenant can cause no more than these.
	guessesFor, guessFactor = 12 * logout.MaxRetryAfter, 4
)

// blame finds out whom an answer such as 503 or 429 concerns: everybody, or one user, account or tenant. It is
// everybody if no other namespace is known to be served, or if many namespaces have failed in a row.
type blame struct {
	// recent holds the namespaces whose calls ended last, the most recent first. pushedOut is the last success of those
	// that were clean and had to leave: somebody is served then, although nobody knows who.
	recent    [64]served
	pushedOut time.Time
	// failed are the namespaces that have failed since the last success, while others were served; lastThreshold at most.
	failed map[string]bool
	// guesses is how often the service was blamed lately although it had served others, and guessedAt when it last was.
	// Whether a guess was right cannot be learned: a tenant can let the calls that show it succeed or fail as it likes.
	guesses   int
	guessedAt time.Time
	clock     clock
}

// served is what is known of a namespace.
type served struct {
	namespace string
	at        time.Time // the last success
	clean     int       // successes in a row, counted from below zero after a failure; the namespace is clean above zero
}

// clock stands still while all calls are paused. Nobody can be served then, so a pause must not use up what is known.
type clock struct {
	stood   time.Duration // in earlier pauses
	stopped time.Time     // when the present pause began; zero if the clock runs
}

func (c *clock) stop(now time.Time) {
	if c.stopped.IsZero() {
		c.stopped = now
	}
}

func (c *clock) start(now time.Time) {
	if !c.stopped.IsZero() {
		c.stood += now.Sub(c.stopped)
		c.stopped = time.Time{}
	}
}

// time returns what the clock shows.
func (c *clock) time(now time.Time) time.Time {
	if !c.stopped.IsZero() {
		now = c.stopped
	}
	return now.Add(-c.stood)
}

// of returns the entry of a namespace, and makes it the most recent one. A new entry takes the place of the oldest one
// that is not clean, so that many namespaces of one tenant that fail do not push out those that are served.
func (b *blame) of(namespace string, now time.Time) *served {
	is := served{namespace: namespace}
	i, last := -1, len(b.recent)-1
	for j := range b.recent {
		switch s := &b.recent[j]; {
		case s.namespace == namespace:
			i, is = j, *s
		case !s.isClean(now):
			last = j
		}
	}
	if i < 0 {
		i = last
		if pushed := &b.recent[i]; pushed.isClean(now) {
			b.pushedOut = later(b.pushedOut, pushed.at)
		}
	}
	copy(b.recent[1:i+1], b.recent[:i])
	b.recent[0] = is
	return &b.recent[0]
}

// success records that the service has carried out a call for a namespace.
func (b *blame) success(namespace string, now time.Time) {
	now = b.clock.time(now)
	is := b.of(namespace, now)
	is.at = now
	is.clean++
	clear(b.failed)
}

// failure records a failure of a namespace, and reports whether it is everybody's.
func (b *blame) failure(namespace string, now time.Time) (all bool) {
	at := b.clock.time(now)
	b.of(namespace, at).clean = 1 - cleanAfter
	if !b.servesOthers(namespace, now) {
		return true
	}
	if b.failed == nil {
		b.failed = map[string]bool{}
	}
	if len(b.failed) < lastThreshold {
		b.failed[namespace] = true
	}
	return len(b.failed) >= b.threshold(at)
}

// guess notes that the service is blamed, and returns the namespaces that have failed if others were served.
func (b *blame) guess(now time.Time) (failed map[string]bool) {
	now = b.clock.time(now)
	if len(b.failed) < b.threshold(now) {
		return nil // it needs no guess: nobody is served, or the failure is certainly the service's
	}
	if now.Sub(b.guessedAt) >= guessesFor {
		b.guesses = 0
	}
	failed, b.failed = b.failed, nil
	b.guesses++
	b.guessedAt = now
	return failed
}

// threshold is how many namespaces have to fail in a row before the service is blamed although it has served others
// lately. After three guesses it is more than failed ever holds.
func (b *blame) threshold(now time.Time) int {
	threshold := blameThreshold
	if now.Sub(b.guessedAt) < guessesFor {
		for range b.guesses {
			threshold *= guessFactor
		}
	}
	return threshold
}

// serves reports whether a namespace is clean: its last calls succeeded, and the last of them lately.
func (b *blame) serves(namespace string, now time.Time) bool {
	now = b.clock.time(now)
	return slices.ContainsFunc(b.recent[:], func(s served) bool { return s.namespace == namespace && s.isClean(now) })
}

// servesOthers reports whether another namespace is clean.
func (b *blame) servesOthers(namespace string, now time.Time) bool {
	now = b.clock.time(now)
	return now.Sub(b.pushedOut) <= cleanFor ||
		slices.ContainsFunc(b.recent[:], func(s served) bool { return s.namespace != namespace && s.isClean(now) })
}

func (s *served) isClean(now time.Time) bool { return s.clean > 0 && now.Sub(s.at) <= cleanFor }
