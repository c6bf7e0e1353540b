package gate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// client stands in for a client; the gate only compares it.
type client struct{}

func (client) CheckIDs(string, string) *logout.Error { return nil }

func (client) Logout(context.Context, string, string) (logout.Receipt, error) {
	panic("the gate makes no calls")
}

func throttled(retryAfter time.Duration) *logout.Error {
	return &logout.Error{Reason: logout.Throttled, ProviderWide: true, RetryAfter: retryAfter, Message: "slow down"}
}

// service is a service that takes a number of calls a second and throttles the rest.
type service struct {
	limiter    *rate.Limiter
	latency    time.Duration
	retryAfter time.Duration

	mu              sync.Mutex
	calls, refusals int
}

func (s *service) call() *logout.Error {
	s.mu.Lock()
	s.calls++
	allowed := s.limiter.Allow()
	if !allowed {
		s.refusals++
	}
	s.mu.Unlock()
	<-time.After(s.latency)
	if allowed {
		return nil
	}
	return throttled(s.retryAfter)
}

// unlucky is a service that throttles a share of the calls, whatever the rate.
type unlucky struct {
	service
	share  float64
	random *rand.Rand // with a seed, so that every run is the same
}

var unlimited = rate.NewLimiter(rate.Inf, 1)

func (s *unlucky) call() *logout.Error {
	s.mu.Lock()
	throttles := s.random.Float64() < s.share
	s.mu.Unlock()
	if !throttles {
		return s.service.call()
	}
	s.mu.Lock()
	s.calls++
	s.refusals++
	s.mu.Unlock()
	<-time.After(s.latency)
	return throttled(0)
}

// drain makes objects call the service until all of them have succeeded, and returns how long that took.
func drain(
	ctx context.Context, gates *gate.Gates, limit gate.Limit, s interface{ call() *logout.Error }, objects int,
) time.Duration {
	began := time.Now()
	var all sync.WaitGroup
	all.Add(objects)
	calledUp := make(chan types.NamespacedName)
	attempt := func(key types.NamespacedName) {
		for {
			slot, _ := gates.Enter(gate.Settings{Name: "p", Limit: limit, Client: client{}},
				gate.Applicant{Object: key})
			if slot == nil {
				return // it will be called up
			}
			if !slot.Await(ctx) {
				slot.Release()
				continue
			}
			failure := s.call()
			slot.Report(failure)
			slot.Release()
			if failure == nil {
				all.Done()
				return
			}
			<-time.After(max(time.Second, failure.RetryAfter))
		}
	}
	go gates.CallUp(ctx, func(key types.NamespacedName, hasSlot bool) {
		if hasSlot { // an object called up without a slot may have its call under way by now
			calledUp <- key
		}
	})
	go func() {
		for {
			select {
			case key := <-calledUp:
				go attempt(key)
			case <-ctx.Done():
				return
			}
		}
	}()
	for i := range objects {
		go attempt(types.NamespacedName{Namespace: "n", Name: fmt.Sprint(i)})
	}
	all.Wait()
	return time.Since(began)
}

// TestFindsTheServicesRate checks that a rate that is set too high falls to the service's own.
func TestFindsTheServicesRate(t *testing.T) {
	const objects, perSecond = 10000, 100
	for _, test := range []struct {
		name                string
		limit               gate.Limit
		latency, retryAfter time.Duration
		slower, refusals    float64 // upper bounds: time as a multiple of the ideal, and share of refused calls
	}{
		{"right", gate.Limit{PerSecond: 100, Burst: 5}, 0, 0, 1.01, 0},
		{"ten times", gate.Limit{PerSecond: 1000, Burst: 5}, 0, 0, 1.15, 0.01},
		{"ten times, slow answers", gate.Limit{PerSecond: 1000, Burst: 100}, 50 * time.Millisecond, 0, 1.2, 0.05},
		{"ten times, Retry-After", gate.Limit{PerSecond: 1000, Burst: 100}, 20 * time.Millisecond, time.Second, 1.2,
			0.05},
		{"a hundred times", gate.Limit{PerSecond: 10000, Burst: 10000}, 5 * time.Millisecond, time.Second, 1.3, 0.1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s := &service{limiter: rate.NewLimiter(perSecond, perSecond), latency: test.latency,
					retryAfter: test.retryAfter}
				took := drain(ctx, gate.New(50), test.limit, s, objects)
				slower, refusals := took.Seconds()/(objects/perSecond), float64(s.refusals)/float64(s.calls)
				t.Logf("%s: %.2f times the ideal, %d calls, %d refused (%.2f %%)", took, slower, s.calls, s.refusals,
					100*refusals)
				if slower > test.slower || refusals > test.refusals {
					t.Errorf("want at most %.2f times the ideal and %.1f %% refused", test.slower, 100*test.refusals)
				}
				if s.calls != objects+s.refusals {
					t.Errorf("%d calls for %d objects and %d refusals", s.calls, objects, s.refusals)
				}
			})
		})
	}
}
