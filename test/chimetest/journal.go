package chimetest

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"
)

// Entry is a call and its result. It is written right before the answer is sent, or the connection is cut or begins to
// hang. It never contains a secret, a session token or a signature.
type Entry struct {
	Call
	// Number of the entry, from 1.
	Number int `json:"number"`
	// Status of the answer; 0 if none was sent, because the call was cut, the client disconnected or the server was
	// closed.
	Status int `json:"status"`
	// Code of the error; empty for a success.
	Code string `json:"code,omitempty"`
	// Cut says how the call was cut; empty if it was not.
	Cut Cut `json:"cut,omitempty"`
	// SessionsEnded by the call.
	SessionsEnded int `json:"sessionsEnded"`
	// Duration from the arrival of the call until the entry is written.
	Duration time.Duration `json:"durationNanoseconds"`
}

// journal keeps entries in the order of their answers.
type journal struct {
	mu      sync.Mutex
	entries []Entry
	calls   map[user]int
	more    chan struct{} // closed with the next entry; nil if nobody waits
}

// Journal returns a copy of all entries so far, in the order of their answers.
func (s *Server) Journal() []Entry {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return slices.Clone(s.journal.entries)
}

// Calls returns how many entries of the journal are about the user.
func (s *Server) Calls(accountID, userID string) int {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	if u := (user{accountID, userID}); u != everyone {
		return s.journal.calls[u]
	}
	return len(s.journal.entries)
}

// WaitForCalls returns when the journal has at least n entries. It fails only if ctx ends first.
func (s *Server) WaitForCalls(ctx context.Context, n int) error {
	if err := s.journal.wait(ctx, n); err != nil {
		return fmt.Errorf("%d of %d calls came: %w", s.Calls("", ""), n, err)
	}
	return nil
}

// Follow yields all entries but the first n, and later ones as they are added. It ends when ctx is done and it has
// yielded all of them.
func (s *Server) Follow(ctx context.Context, n int) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for i := n; s.journal.wait(ctx, i+1) == nil; i++ {
			if !yield(s.journal.at(i)) {
				return
			}
		}
	}
}

func (j *journal) add(e Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Number = len(j.entries) + 1
	j.entries = append(j.entries, e)
	if j.calls == nil {
		j.calls = map[user]int{}
	}
	j.calls[e.user()]++
	if j.more != nil {
		close(j.more)
		j.more = nil
	}
}

func (j *journal) at(i int) Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.entries[i]
}

func (j *journal) wait(ctx context.Context, n int) error {
	for {
		more, enough := j.next(n)
		switch {
		case enough:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		select {
		case <-more:
		case <-ctx.Done():
		}
	}
}

// next reports whether there are n entries, and otherwise when to look again.
func (j *journal) next(n int) (<-chan struct{}, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.entries) >= n {
		return nil, true
	}
	if j.more == nil {
		j.more = make(chan struct{})
	}
	return j.more, false
}
