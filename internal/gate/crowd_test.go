package gate_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// credentials stands in for a client; the gates only compare it.
type credentials string

func (credentials) CheckIDs(string, string) *logout.Error { return nil }

func (credentials) Logout(context.Context, string, string) (logout.Receipt, error) {
	panic("the gates make no calls")
}

var (
	fast = gate.Limit{PerSecond: 10000, Burst: 1000}
	slow = gate.Limit{PerSecond: 10, Burst: 5}
)

// crowd holds the objects that want to call through the gates of a test, in virtual time.
type crowd struct {
	*gate.Gates
	with credentials

	mu       sync.Mutex
	calledUp []types.NamespacedName
	lookedAt []types.NamespacedName
	changed  []string
}

// gather starts gates with room for a number of calls each. It must run in a bubble, which makes sure that nothing of
// them is left.
func gather(t *testing.T, calls int) *crowd {
	t.Helper()
	c := &crowd{Gates: gate.New(calls), with: "first"}
	go c.CallUp(t.Context(), func(key types.NamespacedName, hasSlot bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !hasSlot {
			c.lookedAt = append(c.lookedAt, key)
			return
		}
		c.calledUp = append(c.calledUp, key)
	})
	go c.Changes(t.Context(), func(provider string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.changed = append(c.changed, provider)
	})
	return c
}

// after lets time pass, and objects be called up.
func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// named returns the key of an object.
func named(name any) types.NamespacedName {
	return types.NamespacedName{Namespace: "n", Name: fmt.Sprint(name)}
}

// enter asks for a slot; nil if the object waits.
func (c *crowd) enter(provider string, limit gate.Limit, name any) *gate.Slot {
	return c.enterKey(provider, limit, named(name))
}

func (c *crowd) enterKey(provider string, limit gate.Limit, key types.NamespacedName) *gate.Slot {
	slot, _ := c.Enter(gate.Settings{Name: provider, Limit: limit, Client: c.with}, gate.Applicant{Object: key})
	return slot
}

// enterMany makes objects, named by their numbers, ask for slots. It returns the slots that were given.
func (c *crowd) enterMany(provider string, limit gate.Limit, objects int) (slots []*gate.Slot) {
	for i := range objects {
		if slot := c.enter(provider, limit, provider+fmt.Sprint(i)); slot != nil {
			slots = append(slots, slot)
		}
	}
	return slots
}

// prove makes providers answer a call, so that more than one call at a time is allowed. Then it waits until the slot
// that this took is free again.
func (c *crowd) prove(providers ...string) {
	for _, p := range providers {
		end(c.enter(p, fast, "proof"), nil)
	}
	after(time.Second)
	c.changes()
}

// called returns the objects called up since it was last asked.
func (c *crowd) called() []types.NamespacedName {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	called := c.calledUp
	c.calledUp = nil
	return called
}

// looks returns the objects called up without a slot since it was last asked.
func (c *crowd) looks() []types.NamespacedName {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	looks := c.lookedAt
	c.lookedAt = nil
	return looks
}

// changes returns the providers reported as changed since it was last asked.
func (c *crowd) changes() []string {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	changed := slices.Sorted(slices.Values(c.changed))
	c.changed = nil
	return slices.Compact(changed)
}

func end(slot *gate.Slot, failure *logout.Error) {
	slot.Report(failure)
	slot.Release()
}
