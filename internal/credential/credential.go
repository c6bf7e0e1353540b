// Package credential keeps a credential that has to be fetched, for many
// concurrent callers: one request serves all of them, and after a failure the
// server gets no request for a while, however many callers ask.
package credential

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// fetchTime limits a fetch. The fetch does not use the deadline of a
	// caller: a caller with little time left must not make it fail for the
	// others.
	fetchTime = 10 * time.Second
	// grace is how long a fetch may take to return after its deadline. After
	// that it is abandoned, and the next may begin.
	grace = 2 * time.Second
	// firstPause and maxPause limit the pauses after failures, which double
	// from one to the next.
	firstPause, maxPause = time.Second, time.Minute
	// leastUse is how long a credential is used that has already expired when
	// it arrives, so that the server does not get one request for each caller.
	leastUse = time.Second
	// firstRenewal is how long after a fetch a doubt causes the next one. It
	// doubles with each such fetch in the life of a credential, up to
	// maxRenewal: those who cause doubts must not use up the server's quota.
	firstRenewal, maxRenewal = time.Minute, time.Hour
	// renewalTime is how long callers wait for such a fetch before they use the
	// kept credential.
	renewalTime = 2 * time.Second
	// remembered is how many credentials Recent returns at most: more than are
	// fetched by doubts in an hour.
	remembered = 16
)

// Fetched is a credential, and how long it is valid.
type Fetched[T any] struct {
	// Value of the credential.
	Value T
	// UseUntil is by the wall clock, because a machine may be suspended. The
	// zero time means for ever.
	UseUntil time.Time
}

func (f Fetched[T]) good(now time.Time) bool {
	return f.UseUntil.IsZero() || now.Round(0).Before(f.UseUntil)
}

// Source of a credential. It is safe for concurrent use.
type Source[T comparable] struct {
	fetch      func(context.Context) (Fetched[T], error)
	retryAfter func(error) time.Duration

	mu       sync.Mutex
	kept     *Fetched[T]
	doubted  bool          // the kept one did not suffice
	renewal  time.Duration // until a doubt causes another fetch
	renewAt  time.Time     // no doubt causes a fetch before
	recent   []T           // the newest first
	flight   *flight[T]    // under way; nil if there is none
	failures int           // in a row
	failure  error         // the last failure; nil if there was none since the last success
	askAgain time.Time     // by the monotonic clock, so that a step of the wall clock does not prolong it
}

// flight is a fetch that callers wait for.
type flight[T any] struct {
	done   chan struct{}
	renews bool // because of a doubt: the kept credential is still valid
	value  T
	err    error
}

// New returns a source that calls fetch, once at a time. For an error of fetch,
// retryAfter returns the pause that the server asks for; 0 if it asks for none.
func New[T comparable](
	fetch func(context.Context) (Fetched[T], error), retryAfter func(error) time.Duration,
) *Source[T] {
	return &Source[T]{fetch: fetch, retryAfter: retryAfter}
}

// Paused is the error while a failed fetch pauses the next one.
type Paused struct {
	// Err is the error of the failed fetch.
	Err error
	// For is the remaining length of the pause.
	For time.Duration
}

// Error returns the text of the failed fetch's error, and the pause.
func (p *Paused) Error() string { return fmt.Sprintf("%v (next request in %s)", p.Err, p.For) }

// Unwrap returns the error of the failed fetch.
func (p *Paused) Unwrap() error { return p.Err }

// Get returns the credential: the kept one while it is valid, otherwise that of
// the fetch under way, or of a new fetch. It waits no longer than until ctx is
// done, and then returns the context's error; the fetch continues for the next
// caller. After a failed fetch, Get returns a *Paused for as long as the server
// asked for, and at least for a pause that grows from failure to failure. If
// the kept credential is in doubt, Get fetches another, and returns the kept one
// if that fails or takes long.
func (s *Source[T]) Get(ctx context.Context) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	s.mu.Lock()
	now := time.Now()
	good := s.kept != nil && s.kept.good(now)
	switch {
	case s.flight != nil && (s.flight.renews || !good):
	case good && s.doubted && !now.Before(s.renewAt):
		s.flight = s.start(true)
	case good:
		defer s.mu.Unlock()
		return s.kept.Value, nil
	case now.Before(s.askAgain):
		defer s.mu.Unlock()
		return none, &Paused{s.failure, s.askAgain.Sub(now)}
	default:
		s.flight = s.start(false)
	}
	f := s.flight
	if !good {
		s.mu.Unlock()
		return f.wait(ctx)
	}
	kept := s.kept.Value
	s.mu.Unlock()
	short, cancel := context.WithTimeout(ctx, renewalTime)
	defer cancel()
	if value, err := f.wait(short); err == nil {
		return value, nil
	}
	return kept, ctx.Err()
}

// wait returns the result of the fetch, or the context's error.
func (f *flight[T]) wait(ctx context.Context) (value T, err error) {
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		return value, ctx.Err()
	}
}

// Forget drops a credential that was rejected, unless another has replaced it.
// It reports whether it was the current one: not replaced, nor about to be.
func (s *Source[T]) Forget(value T) (current bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil || s.kept.Value != value {
		return false
	}
	s.kept = nil
	return s.flight == nil
}

// Doubt notes that the server accepted the credential but that it did not
// suffice: the missing right may have been granted since it was fetched. The
// next Get fetches another, a minute after the last fetch or later.
func (s *Source[T]) Doubt(value T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubted = s.doubted || s.kept != nil && s.kept.Value == value
}

// Recent returns the last few credentials that were fetched, to compare them with what a server answers: a credential
// that was replaced or forgotten may still be valid.
func (s *Source[T]) Recent() []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.recent)
}

// start begins a fetch, which ends in time even if fetch does not return.
func (s *Source[T]) start(renews bool) *flight[T] {
	f := &flight[T]{done: make(chan struct{}), renews: renews}
	s.doubted = false
	if renews {
		s.renewal = min(2*s.renewal, maxRenewal)
		s.renewAt = time.Now().Add(s.renewal)
	}
	ctx, cancel := context.WithTimeout(context.Background(), fetchTime)
	giveUp := time.AfterFunc(fetchTime+grace, func() { s.finish(f, Fetched[T]{}, context.DeadlineExceeded) })
	go func() {
		defer cancel()
		got, err := s.fetch(ctx)
		giveUp.Stop()
		s.finish(f, got, err)
	}()
	return f
}

// finish ends a fetch, unless it was abandoned.
func (s *Source[T]) finish(f *flight[T], got Fetched[T], err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight != f {
		return
	}
	s.flight = nil
	f.value, f.err = got.Value, err
	defer close(f.done)
	if err == nil {
		if least := time.Now().Round(0).Add(leastUse); !got.UseUntil.IsZero() && got.UseUntil.Before(least) {
			got.UseUntil = least
		}
		s.kept, s.failures, s.failure = &got, 0, nil
		if !f.renews {
			s.renewal, s.renewAt = firstRenewal, time.Now().Add(firstRenewal)
		}
		if !slices.Contains(s.recent, got.Value) {
			s.recent = slices.Insert(s.recent[:min(len(s.recent), remembered-1)], 0, got.Value)
		}
		return
	}
	if f.renews { // the kept credential is valid, so nobody has to wait for the next fetch
		return
	}
	s.failure = err
	s.askAgain = time.Now().Add(max(pause(s.failures), s.retryAfter(err)))
	s.failures++
}

// pause returns the pause after a failure that follows others.
func pause(others int) time.Duration {
	const doublings = 6 // more than maxPause
	return min(firstPause<<min(others, doublings), maxPause)
}
