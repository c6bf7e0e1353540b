package gate

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// history is what has happened at a gate, as its callers see it. It checks each slot that is given against the gate's
// guarantees.
type history struct {
	*keeper
	limits  []since[Limit]
	given   []time.Time // when slots were given
	slots   map[types.NamespacedName]*slot
	told    map[*slot]bool // whether the outcome was reported
	arrived map[types.NamespacedName]int
	failed  map[types.NamespacedName]bool
	number  int
	others  int       // calls at other gates
	asked   time.Time // the service asked for no calls before this time
	client  int
}

// since holds a value and the time from which it applies.
type since[T any] struct {
	at   time.Time
	what T
}

var limits = rapid.Custom(func(t *rapid.T) Limit {
	return Limit{PerSecond: rapid.SampledFrom([]float64{1, 2, 10, 100}).Draw(t, "perSecond"),
		Burst: rapid.IntRange(1, 8).Draw(t, "burst")}
})

var failures = rapid.Custom(func(t *rapid.T) *logout.Error {
	failure := rapid.SampledFrom([]*logout.Error{nil, permanent, failing, misdirected, throttled, unavailable,
		unreachable, unauthorized}).Draw(t, "failure")
	if failure == nil || failure == permanent || rapid.Bool().Draw(t, "silent") {
		return failure
	}
	return asking(failure, time.Duration(rapid.SampledFrom([]int{1, 500, 1000, 3000, 60000}).Draw(t,
		"retryAfter"))*time.Millisecond)
})

var objects = rapid.Custom(func(t *rapid.T) types.NamespacedName {
	return object(rapid.SampledFrom([]string{"a/", "b/"}).Draw(t, "namespace") +
		strconv.Itoa(rapid.IntRange(1, 5).Draw(t, "name")))
})

// TestPromises checks that a gate keeps its guarantees to the service and to the objects, whatever happens in whatever
// order.
func TestPromises(t *testing.T) {
	for range 10 { // the interesting histories are rare
		rapid.Check(t, func(t *rapid.T) {
			h := newHistory(t)
			for range 3 {
				t.Repeat(map[string]func(*rapid.T){
					"": h.check, "enter": h.someoneEnters, "enter again": h.someoneEnters, "call up": h.callsUp,
					"take":  h.takeSlots,
					"leave": h.someoneLeaves, "end": h.callEnds, "fail": h.callEnds, "store": h.outcomeStored,
					"cancel": h.callCancelled, "pass": h.timePasses, "wait": h.untilNextSlot, "renew": h.clientRenewed,
					"limit": h.limitChanges, "others": h.othersCall,
				})
			}
			h.everybodyCalls(t)
		})
	}
}

func newHistory(t *rapid.T) *history {
	limit := limits.Draw(t, "limit")
	h := &history{limits: []since[Limit]{{begin, limit}},
		slots: map[types.NamespacedName]*slot{}, told: map[*slot]bool{}, arrived: map[types.NamespacedName]int{},
		failed: map[types.NamespacedName]bool{}}
	if rapid.Bool().Draw(t, "restored") {
		h.asked = begin.Add(time.Minute)
		h.keeper = keep(limit, &Pause{Reason: logout.Throttled, Since: begin, Until: h.asked})
	} else {
		h.keeper = keep(limit, nil)
	}
	h.room = rapid.IntRange(2, 20).Draw(t, "room")
	return h
}

func (h *history) free() int { return h.room - h.others - h.calls - len(h.granted) }

func (h *history) someoneEnters(t *rapid.T) { h.enters(t, objects.Draw(t, "object")) }

// takeSlots makes the objects enter that have been called up.
func (h *history) takeSlots(t *rapid.T) {
	for _, key := range slices.SortedFunc(maps.Keys(h.granted), compare) {
		h.enters(t, key)
	}
}

func (h *history) enters(t *rapid.T, key types.NamespacedName) {
	if h.slots[key] != nil {
		return // the object is calling
	}
	_, called := h.granted[key]
	waits := h.queue.places[key] != nil
	queue, before := h.queue.len(), h.before()
	if s := h.applyIn(Applicant{Object: key, Failed: h.failed[key]}, h.free()); s != nil {
		if !called && queue > 0 {
			t.Fatalf("%s overtook the others", key)
		}
		if !called {
			h.give(t, key, before)
		}
		h.slots[key] = s
		delete(h.arrived, key)
		return
	}
	if called {
		t.Fatalf("%s was called up in vain", key)
	}
	if !waits {
		h.number++
		h.arrived[key] = h.number
	}
}

func (h *history) callsUp(t *rapid.T) {
	for {
		before := h.before()
		key, ok := h.gate.callUp(h.free(), h.now)
		if !ok {
			return
		}
		h.give(t, key, before)
		probe := before.closed || h.granted[key].value.probe
		for other := range h.queue.places {
			if other.Namespace != key.Namespace {
				continue
			}
			if !probe && h.arrived[other] < h.arrived[key] {
				t.Fatalf("%s called up before %s", key, other)
			}
			if probe && h.granted[key].value.failed && !h.queue.places[other].value.failed {
				t.Fatalf("%s called up as a probe, which has failed, and not %s", key, other)
			}
		}
	}
}

// moment holds what decides whether a slot may be given.
type moment struct {
	closed bool
	until  time.Time
	free   int
}

func (h *history) before() moment {
	m := moment{free: h.free() - h.calls - len(h.granted)}
	if h.outage != nil {
		m.closed, m.until = true, h.outage.Until
	}
	return m
}

// give checks that a slot may be given now.
func (h *history) give(t *rapid.T, key types.NamespacedName, before moment) {
	switch {
	case h.now.Before(before.until):
		t.Fatalf("a slot for %s, %s too early", key, before.until.Sub(h.now))
	case h.now.Before(h.asked):
		t.Fatalf("a slot for %s, %s earlier than the service has asked for", key, h.asked.Sub(h.now))
	case before.free <= 0:
		t.Fatalf("a slot for %s, but no room", key)
	}
	h.given = append(h.given, h.now)
	for i, first := range h.given {
		most := h.most(first)
		if allowed := most.PerSecond*h.now.Sub(first).Seconds() + float64(most.Burst) +
			1e-6; float64(len(h.given)-i) > allowed {
			t.Fatalf("%d slots within %s, at a limit of %+v", len(h.given)-i, h.now.Sub(first), most)
		}
	}
}

// most returns the highest limit from a time on.
func (h *history) most(from time.Time) (most Limit) {
	for i, l := range h.limits {
		if i == len(h.limits)-1 || !h.limits[i+1].at.Before(from) {
			most.PerSecond, most.Burst = max(most.PerSecond, l.what.PerSecond), max(most.Burst, l.what.Burst)
		}
	}
	return most
}

func (h *history) someoneLeaves(t *rapid.T) {
	key := objects.Draw(t, "object")
	h.gate.leave(key, h.now)
	delete(h.arrived, key)
}

// someSlot returns a slot that is still in use; told says whether its outcome has been reported.
func (h *history) someSlot(t *rapid.T, told bool) *slot {
	var some []*slot
	for _, key := range slices.SortedFunc(maps.Keys(h.slots), compare) {
		if h.told[h.slots[key]] == told {
			some = append(some, h.slots[key])
		}
	}
	if len(some) == 0 {
		t.Skip("no such call")
	}
	return rapid.SampledFrom(some).Draw(t, "call")
}

func compare(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) }

func (h *history) callEnds(t *rapid.T) {
	s, failure := h.someSlot(t, false), failures.Draw(t, "outcome")
	// TestBlame covers answers while others are served, and TestThrottling a 429 outside an outage.
	others := failure != nil && (failure.HTTPStatusCode != 0 || failure.Reason == logout.Throttled) &&
		h.blame.servesOthers(s.key.Namespace, h.now)
	outage := h.outage != nil
	s.report(failure)
	h.told[s] = true
	h.failed[s.key] = failure != nil
	if failure != nil && failure.RetryAfter > 0 && !others && (failure.Reason != logout.Throttled || outage || h.outage != nil) {
		if until := h.now.Add(max(time.Second, failure.RetryAfter)); until.After(h.asked) {
			h.asked = until
		}
	}
}

func (h *history) outcomeStored(t *rapid.T) { h.releases(h.someSlot(t, true)) }

func (h *history) callCancelled(t *rapid.T) { h.releases(h.someSlot(t, false)) }

func (h *history) releases(s *slot) {
	s.release()
	delete(h.slots, s.key)
}

func (h *history) timePasses(t *rapid.T) {
	h.pass(time.Duration(rapid.SampledFrom([]int64{1, 10, 100, 1000, 5000, 60000, 3600000}).Draw(t,
		"ms")) * time.Millisecond)
}

// untilNextSlot lets time pass until a slot is nearly or just free.
func (h *history) untilNextSlot(t *rapid.T) {
	if wait, ok := h.untilFree(h.free(), h.now); ok && wait > 0 {
		h.pass(wait - time.Duration(rapid.IntRange(0, 1).Draw(t, "early")))
	}
}

func (h *history) clientRenewed(*rapid.T) {
	h.client++
	h.renew(strconv.Itoa(h.client))
}

func (h *history) limitChanges(t *rapid.T) {
	limit := limits.Draw(t, "limit")
	h.limits = append(h.limits, since[Limit]{h.now, limit})
	h.pace.set(limit, h.now)
}

func (h *history) othersCall(t *rapid.T) {
	h.others = rapid.IntRange(0, max(0, h.room-h.calls-len(h.granted))).Draw(t, "others")
}
