// Package await waits for the work of other goroutines, without polling, and fails the test if the wait takes too long.
package await

import (
	"sync"
	"testing"
	"time"
)

// Patience is how long a test waits for anything before it fails. Slower test packages raise it before they run.
var Patience = time.Minute

// State guards data that some goroutines change and others wait for: every change wakes all of them.
type State struct {
	mu      sync.Mutex
	changed chan struct{} // closed with the next change; nil if nobody waits
}

// Change carries out a change.
func (s *State) Change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// Look runs f, which must not change anything, under the lock.
func (s *State) Look(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// Await returns when the condition, which is evaluated under the lock, holds.
func (s *State) Await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	timeout := time.NewTimer(Patience)
	defer timeout.Stop()
	for {
		changed := s.unless(condition)
		if changed == nil {
			return
		}
		select {
		case <-changed:
		case <-timeout.C:
			t.Fatalf("waited for %s in vain", what)
		}
	}
}

// unless returns nil if the condition holds, and otherwise a channel that is closed with the next change.
func (s *State) unless(condition func() bool) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if condition() {
		return nil
	}
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// Receive returns the next value, or the zero value once the channel is closed.
func Receive[T any](t testing.TB, from <-chan T, what string) (received T) {
	t.Helper()
	timeout := time.NewTimer(Patience)
	defer timeout.Stop()
	select {
	case received = <-from:
	case <-timeout.C:
		t.Fatalf("waited for %s in vain", what)
	}
	return received
}
