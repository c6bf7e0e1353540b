package gate

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
)

// check checks what holds at a gate at any time.
func (h *history) check(t *rapid.T) {
	if h.calls != len(h.slots) {
		t.Fatalf("%d calls, but %d slots are taken", h.calls, len(h.slots))
	}
	if h.queue.len()+len(h.granted) != len(h.arrived) {
		t.Fatalf("%d in the queue and %d called up, but %d wait", h.queue.len(), len(h.granted), len(h.arrived))
	}
	for key := range h.arrived {
		if _, called := h.granted[key]; called == (h.queue.places[key] != nil) {
			t.Fatalf("%s: called up %t, in the queue %t", key, called, h.queue.places[key] != nil)
		}
	}
	state := h.state(h.now)
	if waits := state.Waiting > 0; waits == state.WaitingSince.IsZero() || state.WaitingSince.After(h.now) {
		t.Fatalf("%d wait, since %s", state.Waiting, state.WaitingSince)
	}
	if state.PerSecond < slowest || state.PerSecond > h.pace.limit.PerSecond {
		t.Fatalf("%v calls a second at a limit of %+v", state.PerSecond, h.pace.limit)
	}
	h.checkQueue(t)
	h.checkProbes(t)
}

// checkProbes checks that there is at most one probe, and that it is made in the end.
func (h *history) checkProbes(t *rapid.T) {
	if h.outage == nil {
		return
	}
	probes := len(h.granted)
	for _, s := range h.slots {
		if s.epoch == h.epoch && !h.told[s] {
			probes++
		}
	}
	if probes > 1 {
		t.Fatalf("%d probes", probes)
	}
	if h.outage.probing != (probes == 1) {
		t.Fatalf("%d probes, but the gate waits for one: %t", probes, h.outage.probing)
	}
	if pause := h.outage.Until.Sub(h.now); pause > slowPauseMost {
		t.Fatalf("closed for %s", pause)
	}
}

// checkQueue checks that every place is in the line of its namespace, and that every line with waiting objects gets its
// turn, unless its namespace is paused.
func (h *history) checkQueue(t *rapid.T) {
	places, turns := 0, 0
	for of, l := range h.queue.lines {
		if has := l.len() > 0 && !h.queue.paused[of]; l.namespace != of || (l.turn.in != nil) != has {
			t.Fatalf("line of %s: %d wait, turn %t", of, l.len(), l.turn.in != nil)
		}
		if h.queue.paused[of] && !h.suspicion.pauses(of) {
			t.Fatalf("%s is paused in the queue only", of)
		}
		if l.turn.in != nil {
			turns++
		}
		for sort := range l.waiting {
			for p := l.waiting[sort].front; p != nil; p = p.next {
				if places++; h.queue.places[p.value.object] != p || int(p.value.class) != sort {
					t.Fatalf("%s is in the line of %s, among sort %d", p.value.object, of, sort)
				}
			}
		}
	}
	if places != h.queue.len() || turns != h.queue.early.len+h.queue.usual.len {
		t.Fatalf("%d places in the lines, %d in the queue; %d turns of %d and %d", places, h.queue.len(), turns,
			h.queue.early.len, h.queue.usual.len)
	}
}

// everybodyCalls checks that no object waits for ever if the service answers. A pause, a rate slowed to its lowest and
// other objects in line delay an object only while they last.
func (h *history) everybodyCalls(t *rapid.T) {
	for key, s := range h.slots {
		s.end(nil)
		delete(h.slots, key)
	}
	h.others = 0
	patience := slowPauseMost + time.Duration(float64(len(h.arrived)+1)/slowest*float64(time.Second))
	for latest := h.now.Add(patience); len(h.arrived) > 0; {
		h.callsUp(t)
		h.takeSlots(t)
		for key, s := range h.slots {
			s.end(nil)
			delete(h.slots, key)
		}
		h.check(t)
		if len(h.arrived) == 0 {
			break
		}
		wait, ok := h.untilFree(h.free(), h.now)
		if h.pass(max(wait, 1)); !ok || h.now.After(latest) {
			t.Fatalf("%v still wait, closed %+v", keys(h.arrived), h.outage)
		}
	}
}

func keys[V any](m map[types.NamespacedName]V) (keys []string) {
	for key := range m {
		keys = append(keys, key.String())
	}
	return keys
}
