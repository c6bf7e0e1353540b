package controllers

import (
	"context"
	"sync"
)

// inflight counts the attempts between claim and stored outcome. It outlives
// the manager: a lost lease or SIGTERM cancels the reconcile contexts at once,
// while an attempt that has begun must end and be stored.
type inflight struct {
	ctx    context.Context // of every attempt; ends when a drain gives up
	cancel context.CancelFunc

	mu       sync.Mutex
	attempts int
	draining bool
	empty    chan struct{} // closed when draining and no attempt is left
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

// drain lets no attempt begin any more and waits for those under way, until ctx
// is done; then it abandons them and returns how many.
func (f *inflight) drain(ctx context.Context) (abandoned int) {
	defer f.cancel()
	f.mu.Lock()
	if !f.draining {
		f.draining = true
		f.closeIfEmpty()
	}
	f.mu.Unlock()
	select {
	case <-f.empty:
		return 0
	case <-ctx.Done():
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.attempts
	}
}

func (f *inflight) closeIfEmpty() {
	if f.draining && f.attempts == 0 {
		close(f.empty)
	}
}
