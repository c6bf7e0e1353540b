// Package pacing spaces the calls to each provider. Nothing in it sleeps or
// starts a goroutine: it tells a caller how long to stay away.
package pacing

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
)

// Limit of one provider: a token bucket.
type Limit struct {
	// PerSecond is the rate at which slots become free.
	PerSecond float64
	// Burst is how many slots may be free at once.
	Burst int
}

// Pacer hands out slots: the right to make one call to one provider at one
// time. A slot is reserved once and remembered by the object's name, so that
// an object that is looked at again in between (any edit does that) keeps its
// place instead of taking a second one, and no crowd wakes up to ask again.
// The zero Pacer is ready for use.
type Pacer struct {
	mu      sync.Mutex
	buckets map[string]*rate.Limiter
	slots   map[types.NamespacedName]*rate.Reservation
}

// Reserve returns how long the object has to wait for its slot, which it
// reserves at the first call; 0 means that its time has come. The object keeps
// the slot, also past its time, until Release or Cancel.
func (p *Pacer) Reserve(provider string, limit Limit, object types.NamespacedName, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	slot, ok := p.slots[object]
	if !ok {
		slot = p.bucket(provider, limit, now).ReserveN(now, 1)
		if p.slots == nil {
			p.slots = map[types.NamespacedName]*rate.Reservation{}
		}
		p.slots[object] = slot
	}
	return slot.DelayFrom(now)
}

// Release says that the object has used its slot.
func (p *Pacer) Release(object types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.slots, object)
}

// Cancel gives the object's slot back, if it has one that it has not used.
func (p *Pacer) Cancel(object types.NamespacedName, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slot, ok := p.slots[object]; ok {
		slot.CancelAt(now)
		delete(p.slots, object)
	}
}

// Forget drops a provider that is gone. Slots already reserved stay valid.
func (p *Pacer) Forget(provider string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.buckets, provider)
}

// bucket returns the provider's bucket, set to limit.
func (p *Pacer) bucket(provider string, limit Limit, now time.Time) *rate.Limiter {
	b, ok := p.buckets[provider]
	if !ok {
		b = rate.NewLimiter(rate.Limit(limit.PerSecond), limit.Burst)
		if p.buckets == nil {
			p.buckets = map[string]*rate.Limiter{}
		}
		p.buckets[provider] = b
	}
	if b.Limit() != rate.Limit(limit.PerSecond) {
		b.SetLimitAt(now, rate.Limit(limit.PerSecond))
	}
	if b.Burst() != limit.Burst {
		b.SetBurstAt(now, limit.Burst)
	}
	return b
}
