package soak

import (
	"context"
	"sync"
	"time"
)

// sampler samples the operator's resource usage.
type sampler struct {
	operator *operator
	ledger   *ledger
	began    time.Time

	mu      sync.Mutex
	phase   Phase
	samples []Sample
	faults  []Fault
}

// run takes samples at this pace until the context is done.
func (s *sampler) run(ctx context.Context, pace time.Duration) {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.take(ctx)
		}
	}
}

func (s *sampler) take(ctx context.Context) {
	usage, err := s.operator.now().Usage()
	if err != nil {
		return // between two processes
	}
	goroutines := s.operator.goroutines(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.samples = append(s.samples, Sample{
		Second: round(time.Since(s.began)), Phase: s.phase, Waiting: s.ledger.unfinished(),
		RSS: usage.RSS, OpenFiles: usage.OpenFiles, Threads: usage.Threads, Goroutines: goroutines,
	})
}

func (s *sampler) enter(p Phase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = p
}

func (s *sampler) note(what string, from, to time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, Fault{what, round(from.Sub(s.began)), round(to.Sub(s.began))})
}

// round returns seconds, rounded to a tenth.
func round(d time.Duration) float64 {
	return float64(d.Round(100*time.Millisecond)/(100*time.Millisecond)) / 10
}
