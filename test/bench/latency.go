package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// latencies measures the time from the start of a create request until a watch sees the object logged out, n times, one
// after the other. The operator has nothing else to do, and the service answers at once.
func (s *stage) latencies(ctx context.Context, n int) (all []time.Duration, usage operatortest.Usage, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not done after %s", patience))
	defer cancel()
	namespace, err := s.newNamespace(ctx)
	if err != nil {
		return nil, usage, err
	}
	s.latency.Store(0)
	err = s.run(ctx, operator, defaultWorkers, namespace, func(ctx context.Context, p *operatortest.Process) error {
		watch, err := s.admin.Watch(ctx, &v1alpha1.UserLogoutList{}, client.InNamespace(namespace))
		if err != nil {
			return err
		}
		defer watch.Stop()
		for i := range n + 1 {
			began := time.Now()
			obj, err := s.create(ctx, namespace, nameOf(namespace, i))
			if err != nil {
				return err
			}
			for !finished(obj) {
				select {
				case event := <-watch.ResultChan():
					next, ok := event.Object.(*v1alpha1.UserLogout)
					if !ok {
						return errors.New("the watch ended")
					}
					if next.Name == obj.Name {
						obj = next
					}
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
			if i > 0 { // the first waits until the operator has started
				all = append(all, time.Since(began))
			}
		}
		usage, err = p.Usage()
		return err
	})
	if err != nil {
		return nil, usage, fmt.Errorf("one object after the other: %w", err)
	}
	return all, usage, errors.Join(s.verifyCalls(namespace, n+1), s.remove(ctx, namespace))
}
