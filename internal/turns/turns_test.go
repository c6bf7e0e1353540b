package turns

import (
	"fmt"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
)

// history is what has happened to a turns.
type history struct {
	*rapid.T
	*turns
	added map[types.NamespacedName]bool // and not taken since
	ready []types.NamespacedName        // handed out, and no worker has them
	taken map[types.NamespacedName]bool // a worker has them; true for those with a slot
	waits map[string]int                // turns of others while a namespace waits and has nothing handed out
}

var names = rapid.SampledFrom(func() (keys []types.NamespacedName) {
	for _, namespace := range []string{"a", "b", "c", "d"} {
		keys = append(keys, keysOf(namespace, 4)...)
	}
	return keys
}())

// TestTurns checks that, whatever is added and whichever workers are slow, no object is lost, no two workers have one at
// a time, and a namespace with nothing handed out gets a turn after few others.
func TestTurns(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := &history{T: rt, turns: newTurns(rapid.IntRange(1, 6).Draw(rt, "limit")),
			added: map[types.NamespacedName]bool{}, taken: map[types.NamespacedName]bool{}, waits: map[string]int{}}
		for range rapid.IntRange(1, 100).Draw(rt, "steps") {
			h.step(rapid.IntRange(0, 9).Draw(rt, "step"), names.Draw(rt, "object"))
			h.handOut()
		}
		for len(h.ready)+len(h.taken) > 0 {
			for key := range h.taken {
				h.finish(key)
			}
			h.handOut()
			for len(h.ready) > 0 {
				h.get(h.ready[0], false)
			}
		}
		if len(h.added) > 0 || len(h.held)+len(h.outOf)+h.out+h.now.len+h.later.len > 0 {
			rt.Fatalf("lost %v; left over: %+v", h.added, *h.turns)
		}
	})
}

func (h *history) step(step int, key types.NamespacedName) {
	_, taken := h.taken[key]
	switch {
	case step < 3:
		h.added[key] = true
		h.now.add(key)
	case step < 5:
		h.added[key] = true
		h.later.add(key)
	case step < 8 && len(h.ready) > 0:
		h.get(h.ready[0], false)
	case step == 8 && taken:
		h.gotSlot(key)
		h.taken[key] = true
	case step == 8:
		h.get(key, true)
	case taken:
		h.finish(key)
	}
}

func (h *history) get(key types.NamespacedName, hasSlot bool) {
	if !h.take(key, hasSlot) {
		h.Fatalf("%s must wait, although it was handed out", key)
	}
	h.ready = slices.DeleteFunc(h.ready, func(k types.NamespacedName) bool { return k == key })
	h.taken[key] = hasSlot
	delete(h.added, key)
}

func (h *history) finish(key types.NamespacedName) {
	h.done(key)
	delete(h.taken, key)
}

func (h *history) handOut() {
	for key, ok := h.next(); ok; key, ok = h.next() {
		if _, taken := h.taken[key]; taken || slices.Contains(h.ready, key) {
			h.Fatalf("%s is handed out twice", key)
		}
		h.ready = append(h.ready, key)
		delete(h.waits, key.Namespace)
		for namespace := range h.waits {
			if h.waits[namespace]++; h.waits[namespace] > 4*(maxNowInARow+1) {
				h.Fatalf("%s waits for more than %d others", namespace, h.waits[namespace]-1)
			}
		}
	}
	withoutSlot := len(h.ready)
	for _, hasSlot := range h.taken {
		if !hasSlot {
			withoutSlot++
		}
	}
	if withoutSlot > h.limit || withoutSlot != h.out {
		h.Fatalf("%d are handed out, of %d; counted as %d", withoutSlot, h.limit, h.out)
	}
	for _, r := range []round{h.now, h.later} {
		for namespace := range r.lines {
			if h.outOf[namespace] > 0 {
				continue
			}
			if _, waits := h.waits[namespace]; !waits {
				h.waits[namespace] = 0
			}
			if h.out < h.limit {
				h.Fatalf("%s waits, although nothing of it is handed out and there is room", namespace)
			}
		}
	}
}

// TestShares checks how namespaces that all have more than enough share the room.
func TestShares(t *testing.T) {
	turns, limit := newTurns(64), 64
	want := limit
	for i := range 6 {
		namespace := fmt.Sprint("namespace-", i)
		for _, key := range keysOf(namespace, limit) {
			turns.now.add(key)
		}
		got := 0
		for _, ok := turns.next(); ok; _, ok = turns.next() {
			got++
		}
		if want /= 2; got != want {
			t.Errorf("the %dth gets %d, want %d", i+1, got, want)
		}
	}
}
