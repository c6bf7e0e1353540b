package overload

import (
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for anything before it fails: 10 000 objects take minutes.
func patience() time.Duration { return either(2*time.Minute, 15*time.Minute) }

// state guards what some goroutines change and others wait for: every change wakes all of them, so nobody polls.
type state struct {
	mu      sync.Mutex
	changed chan struct{} // closed with the next change; nil if nobody waits
}

// change carries out a change.
func (s *state) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// look returns whether the condition, which is looked at under the lock, holds, and what is closed with the next change.
func (s *state) look(condition func() bool) (bool, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return condition(), s.changed
}

// await returns when the condition holds.
func (s *state) await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	timeout := time.After(patience())
	for {
		holds, changed := s.look(condition)
		if holds {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("waited for %s in vain", what)
		}
	}
}

// awaitQuiet returns when nothing has changed for so long.
func (s *state) awaitQuiet(t *testing.T, quiet time.Duration) {
	t.Helper()
	timeout := time.After(patience())
	for {
		_, changed := s.look(func() bool { return true })
		select {
		case <-changed:
		case <-time.After(quiet):
			return
		case <-timeout:
			t.Fatalf("waited for %s without a change in vain", quiet)
		}
	}
}

// receive returns what comes, or the zero value once the channel is closed.
func receive[T any](t *testing.T, from <-chan T, what string) (received T) {
	t.Helper()
	select {
	case received = <-from:
	case <-time.After(patience()):
		t.Fatalf("waited for %s in vain", what)
	}
	return received
}
