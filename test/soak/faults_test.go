package soak

import (
	"context"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// fault is a fault that lasts for a while.
type fault struct {
	name       string
	begin, end func(context.Context) error
}

// faults returns all of them. At most one is active at a time, in addition to failing writes.
func faults(t *testing.T, api *apiproxy.Proxy) []fault {
	answer := func(name string, a chimetest.Answer) fault {
		return fault{name,
			func(context.Context) error {
				service.Intercept(func(chimetest.Call) *chimetest.Answer { return &a })
				return nil
			},
			func(context.Context) error { service.Intercept(nil); return nil }}
	}
	apply := func(manifest string) func(context.Context) error {
		return func(ctx context.Context) error { return cluster.Apply(ctx, []byte(manifest)) }
	}
	fix := func(context.Context) error { api.Restore(); return nil }
	keys := 0
	return []fault{
		answer("service answers 503", chimetest.Answer{Code: "ServiceUnavailableException"}),
		answer("service answers 429", chimetest.Answer{Code: "ThrottledClientException",
			Header: map[string]string{"Retry-After": "2"}}),
		answer("service hangs", chimetest.Answer{Cut: chimetest.Hang}),
		answer("service resets connections", chimetest.Answer{Cut: chimetest.Reset}),
		answer("service resets connections after the logout", chimetest.Answer{Logout: true, Cut: chimetest.Reset}),
		answer("service is slow", chimetest.Answer{Delay: 300 * time.Millisecond}),
		{"API server is cut off", func(context.Context) error { api.Cut(); return nil }, fix},
		{"API server answers 503", func(context.Context) error {
			api.Refuse(apiproxy.Refused(http.StatusServiceUnavailable, "Retry-After", "1"))
			return nil
		}, fix},
		{"watches expire", func(context.Context) error { api.ExpireWatches(t); return nil },
			func(context.Context) error { return nil }},
		{"key is revoked before its successor is in the Secret", func(context.Context) error {
			keys++
			service.SetCredentials(keyOf(keys))
			return nil
		}, func(ctx context.Context) error {
			return cluster.Apply(ctx, []byte(operatortest.Secret("credentials", keyOf(keys))))
		}},
		{"key is rotated", func(ctx context.Context) error {
			keys++
			service.SetCredentials(keyOf(keys-1), keyOf(keys))
			return cluster.Apply(ctx, []byte(operatortest.Secret("credentials", keyOf(keys))))
		}, func(context.Context) error { service.SetCredentials([]aws.Credentials{keyOf(keys)}...); return nil }},
		{"namespace is not allowed", apply(operatortest.Tenant(tenant, false)),
			apply(operatortest.Tenant(tenant, true))},
	}
}

// badWrites makes one of 25 claims and outcomes fail, each in one way or another. The proxy calls it for one write at a
// time.
type badWrites struct {
	chance *rand.Rand
	count  int
}

func (b *badWrites) choose(kind apiproxy.Kind, _ string) apiproxy.Fault {
	if kind == apiproxy.Lease || b.chance.IntN(25) != 0 {
		return nil
	}
	b.count++
	ways := []apiproxy.Fault{
		apiproxy.Dropped, apiproxy.Unanswered,
		apiproxy.Refused(http.StatusInternalServerError), apiproxy.Refused(http.StatusConflict),
		apiproxy.Refused(http.StatusTooManyRequests, "Retry-After", "1"),
		apiproxy.Denied(http.StatusServiceUnavailable, "Retry-After", "1"),
	}
	return ways[b.chance.IntN(len(ways))]
}

// trouble runs faults one after the other.
type trouble struct {
	chance         *rand.Rand
	faults         []fault
	longest, pause time.Duration // of a fault, and between two of them
	note           func(what string, from, to time.Time)
}

// run continues until the context is done, and then ends an active fault. It calls during, if not nil, while a fault is
// active, and between in the pause between two faults.
func (x *trouble) run(ctx context.Context, during, between func(context.Context) error) error {
	for wait(ctx, x.some(x.pause)) {
		// Each fault once before any repeats.
		order := x.chance.Perm(len(x.faults))
		for _, i := range order {
			if err := x.once(ctx, x.faults[i], during); err != nil {
				return err
			}
			if between != nil {
				if err := between(ctx); err != nil {
					return err
				}
			}
			if !wait(ctx, x.some(x.pause)) {
				return nil
			}
		}
	}
	return nil
}

func (x *trouble) once(ctx context.Context, f fault, during func(context.Context) error) error {
	from := time.Now()
	if err := f.begin(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	half := x.some(x.longest) / 2
	wait(ctx, half)
	var err error
	if during != nil {
		err = during(ctx)
	}
	wait(ctx, half)
	if err := f.end(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	x.note(f.name, from, time.Now())
	return err
}

// some returns a random time between a tenth of the longest and the longest.
func (x *trouble) some(longest time.Duration) time.Duration {
	return longest/10 + time.Duration(x.chance.Int64N(int64(longest*9/10)))
}

// wait returns true after this time, or false if the context is done before.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
