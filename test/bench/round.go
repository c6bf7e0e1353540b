package main

import (
	"context"
	"fmt"
	"time"

	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

const (
	// patience bounds every wait while either side runs.
	patience = 10 * time.Minute
	// quiet is how long the API server must get no requests before a measurement is over: events follow the outcomes
	// that they report.
	quiet = 300 * time.Millisecond
)

// setting is the configuration of a round.
type setting struct {
	workers int
	latency time.Duration // of the service
	objects int
}

// round is the result of one round of one side.
type round struct {
	traffic
	throughput float64       // objects a second
	cpu        time.Duration // from the first call until no more requests come
	usage      operatortest.Usage
}

// play makes one side carry out objects that exist when it starts. The time counts from the first call's arrival at the
// service until the last outcome is stored, so the startup of either process does not count.
func (s *stage) play(ctx context.Context, who side, set setting) (r round, err error) {
	namespace, err := s.newNamespace(ctx)
	if err != nil {
		return r, err
	}
	if err := s.createWaiting(ctx, namespace, set.objects); err != nil {
		return r, err
	}
	s.latency.Store(int64(set.latency))
	before := s.service.Calls("", "")
	if _, err := s.audit.read(); err != nil {
		return r, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not done after %s", patience))
	defer cancel()
	var atFirst operatortest.Usage
	err = s.run(ctx, who, set.workers, namespace, func(ctx context.Context, p *operatortest.Process) error {
		if err := s.service.WaitForCalls(ctx, before+1); err != nil {
			return err
		}
		if atFirst, err = p.Usage(); err != nil {
			return err
		}
		if err := s.service.WaitForCalls(ctx, before+set.objects); err != nil {
			return err
		}
		if r.traffic, err = s.settle(ctx, namespace); err != nil {
			return err
		}
		r.usage, err = p.Usage()
		return err
	})
	if err != nil {
		return r, fmt.Errorf("%s with %d workers: %w", who, set.workers, err)
	}
	r.cpu = r.usage.CPU - atFirst.CPU
	first := s.firstCall(before)
	r.throughput = float64(set.objects) / r.lastWrite.Sub(first).Seconds()
	if calls := s.service.Calls("", "") - before; calls != set.objects {
		return r, fmt.Errorf("%d calls for %d objects", calls, set.objects)
	}
	if err := s.verifyCalls(namespace, set.objects); err != nil {
		return r, err
	}
	return r, s.remove(ctx, namespace)
}

// firstCall returns when the first call arrived, not counting the calls before.
func (s *stage) firstCall(before int) time.Time {
	var first time.Time
	for _, entry := range s.service.Journal()[before:] {
		if first.IsZero() || entry.Time.Before(first) {
			first = entry.Time
		}
	}
	return first
}

// settle returns all requests for a namespace since the last read of the audit log, once every object there has
// finished and no more requests come.
func (s *stage) settle(ctx context.Context, namespace string) (traffic, error) {
	var all traffic
	tick := time.NewTicker(quiet)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return all, context.Cause(ctx)
		}
		requests, err := s.audit.read()
		if err != nil {
			return all, err
		}
		more := false
		for _, request := range requests {
			if request.ObjectRef.Namespace == namespace {
				all.add(request)
				more = true
			}
		}
		if more {
			continue
		}
		if left, err := s.unfinished(ctx, namespace); err != nil || left == 0 {
			return all, err
		}
	}
}
