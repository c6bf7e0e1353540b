package main

import (
	"context"
	"fmt"
	"time"

	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// load is how many objects a cluster holds when an operator starts.
type load struct{ finished, waiting int }

// weight is the result of starting the operator with a load.
type weight struct {
	load
	first time.Duration // from the start of the process to the service's first answer
	all   time.Duration // until all of them had finished
	usage operatortest.Usage
}

// weigh fills the cluster up to the load, starts the operator with its default flags, and waits until it has nothing
// left to do. present is how many objects exist already, all finished.
func (s *stage) weigh(ctx context.Context, present int, l load) (w weight, err error) {
	w.load = l
	old, err := s.newNamespace(ctx)
	if err != nil {
		return w, err
	}
	if err := s.createFinished(ctx, old, l.finished-present); err != nil {
		return w, err
	}
	namespace, err := s.newNamespace(ctx)
	if err != nil {
		return w, err
	}
	if err := s.createWaiting(ctx, namespace, l.waiting); err != nil {
		return w, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not done after %s", patience))
	defer cancel()
	before := s.service.Calls("", "")
	began := time.Now()
	err = s.run(ctx, operator, defaultWorkers, namespace, func(ctx context.Context, p *operatortest.Process) error {
		if err := s.service.WaitForCalls(ctx, before+1); err != nil {
			return err
		}
		w.first = time.Since(began)
		if err := s.service.WaitForCalls(ctx, before+l.waiting); err != nil {
			return err
		}
		if err := s.awaitFinished(ctx, namespace); err != nil {
			return err
		}
		w.all = time.Since(began)
		w.usage, err = p.Usage()
		return err
	})
	if err != nil {
		return w, fmt.Errorf("with %d objects: %w", l.finished+l.waiting, err)
	}
	if calls := s.service.Calls("", "") - before; calls != l.waiting {
		return w, fmt.Errorf("%d calls for %d objects", calls, l.waiting)
	}
	return w, s.verifyCalls(namespace, l.waiting)
}

// awaitFinished polls at intervals, because the exact time does not matter.
func (s *stage) awaitFinished(ctx context.Context, namespace string) error {
	tick := time.NewTicker(quiet)
	defer tick.Stop()
	for {
		if left, err := s.unfinished(ctx, namespace); err != nil || left == 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
