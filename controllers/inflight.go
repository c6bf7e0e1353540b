package controllers

import (
	"context"
	"sync"
)

// inflight counts the attempts between claim and stored outcome. It outlives the manager: a lost lease or SIGTERM
// cancels the reconcile contexts at once, but an attempt that has begun must end and its outcome must be stored.
type inflight struct {
	ctx    context.Context // of every attempt; ends when a drain ends
	cancel context.CancelFunc

	mu        sync.Mutex
	attempts  int
	draining  bool
	empty     chan struct{} // closed when draining and no attempt is left
	abandoned int           // attempts left when a drain gave up
}

func newInflight() *inflight {
	ctx, cancel := context.WithCancel(context.Background())
	return &inflight{ctx: ctx, cancel: cancel, empty: make(chan struct{})}
}

// begin reports whether an attempt may begin; if so, end must be called.
func (f *inflight) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.draining {
		return false
	}
	f.attempts++
	return true
}

func (f *inflight) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attempts--
	f.closeIfEmpty()
}

// drain stops new attempts and waits for those under way until ctx is done. Then it abandons the rest. It returns how
// many attempts this drain or an earlier one has abandoned.
func (f *inflight) drain(ctx context.Context) (abandoned int) {
	defer f.cancel()
	f.mu.Lock()
	if !f.draining {
		f.draining = true
		f.closeIfEmpty()
	}
	f.mu.Unlock()
	var gaveUp bool
	select {
	case <-f.empty:
	case <-ctx.Done():
		gaveUp = true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if gaveUp {
		f.abandoned = max(f.abandoned, f.attempts)
	}
	return f.abandoned
}

func (f *inflight) closeIfEmpty() {
	if f.draining && f.attempts == 0 {
		close(f.empty)
	}
}
