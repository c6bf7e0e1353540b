// Package credential keeps a credential that has to be fetched, for many callers
// at a time: one request serves all of them, and a server that gives none is
// left alone for a while, whoever asks.
package credential

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// fetchTime bounds a fetch. It is nobody's deadline but the fetch's own: a
	// caller that has little time left must not make it fail for the others.
	fetchTime = 10 * time.Second
	// grace is how long a fetch may take to notice that its time is over, before
	// it is given up and the next may begin.
	grace = 2 * time.Second
	// firstPause and maxPause bound the pauses after failures, which double from
	// one to the next.
	firstPause, maxPause = time.Second, time.Minute
	// leastUse is how long a credential is used that is over when it comes, so that no
	// server has one request for each caller.
	leastUse = time.Second
)

// Fetched is a credential, and how long it is good.
type Fetched[T any] struct {
	// Value of the credential.
	Value T
	// UseUntil is by the wall clock, as a machine may be suspended. The zero time
	// means for ever.
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
	flight   *flight[T] // that is under way
	failures int        // in a row
	failure  error      // the last of them
	askAgain time.Time  // by the monotonic clock: no step of the wall clock makes it last
}

// flight is a fetch that others wait for.
type flight[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// New returns a source that fetches by one request at a time. Of an error of
// fetch, retryAfter says how long the server asks to be left alone; 0 if it does
// not.
func New[T comparable](
	fetch func(context.Context) (Fetched[T], error), retryAfter func(error) time.Duration,
) *Source[T] {
	return &Source[T]{fetch: fetch, retryAfter: retryAfter}
}

// Paused is the error of a fetch that failed before. Nobody is asked again until
// its pause is over.
type Paused struct {
	// Err of that fetch.
	Err error
	// For is how long the pause still lasts.
	For time.Duration
}

// Error returns the text of the error of that fetch, and the pause.
func (p *Paused) Error() string { return fmt.Sprintf("%v (asking again in %s)", p.Err, p.For) }

// Unwrap returns the error of that fetch.
func (p *Paused) Unwrap() error { return p.Err }

// Get returns the credential: the one that is kept while it is good, else that of
// the fetch under way, or of a new one. It waits until ctx is done at most, and
// returns the context's error then; the fetch goes on for whoever comes next.
// After a fetch that failed the error is a *Paused, for as long as the server
// asked for and at least a pause that grows from failure to failure.
func (s *Source[T]) Get(ctx context.Context) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	s.mu.Lock()
	now := time.Now()
	if s.kept != nil && s.kept.good(now) {
		defer s.mu.Unlock()
		return s.kept.Value, nil
	}
	if s.flight == nil && now.Before(s.askAgain) {
		defer s.mu.Unlock()
		return none, &Paused{s.failure, s.askAgain.Sub(now)}
	}
	if s.flight == nil {
		s.flight = s.start()
	}
	f := s.flight
	s.mu.Unlock()
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// Forget drops a credential that was refused, unless another has taken its place.
func (s *Source[T]) Forget(value T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept != nil && s.kept.Value == value {
		s.kept = nil
	}
}

// start begins a fetch, which ends within its time even if fetch does not return.
func (s *Source[T]) start() *flight[T] {
	f := &flight[T]{done: make(chan struct{})}
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

// finish ends a fetch, unless it was given up.
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
		return
	}
	s.failure = err
	s.askAgain = time.Now().Add(max(pause(s.failures), s.retryAfter(err)))
	s.failures++
}

// pause after a failure that follows others.
func pause(others int) time.Duration {
	const doublings = 6 // are more than maxPause
	return min(firstPause<<min(others, doublings), maxPause)
}
