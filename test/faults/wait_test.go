package faults

import (
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for anything before it fails.
const patience = time.Minute

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

// await returns when the condition, which is looked at under the lock, holds.
func (s *state) await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	timeout := time.After(patience)
	for {
		s.mu.Lock()
		if condition() {
			s.mu.Unlock()
			return
		}
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("waited for %s in vain", what)
		}
	}
}

// receive returns what comes, or the zero value once the channel is closed.
func receive[T any](t *testing.T, from <-chan T, what string) (received T) {
	t.Helper()
	select {
	case received = <-from:
	case <-time.After(patience):
		t.Fatalf("waited for %s in vain", what)
	}
	return received
}

// together returns a function that n goroutines call: each waits for all the others, then f runs once, then all go on.
func together(n int, f func()) func() {
	var missing sync.WaitGroup
	missing.Add(n)
	once := sync.OnceFunc(f)
	return func() {
		missing.Done()
		missing.Wait()
		once()
	}
}
