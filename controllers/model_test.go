package controllers

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/internal/lifecycle"
	"github.com/logout-operator/logout-operator/test/figures"
)

var modelFaults = flag.Int("model-faults", 1, "faults in one history of TestModel; with 2 it takes a minute, and with -race five")

// protocol is how the operator of a model attempts a logout: by the code of this
// package, with a guard taken away.
type protocol struct {
	noClaim     bool          // nothing is stored before the call
	noVersion   bool          // the claim has no precondition
	untested    []string      // preconditions that the outcome lacks
	givesUp     bool          // the outcome is tried once: the worker does not wait until it is stored
	callTimeout time.Duration // from the claim; zero: a tick
}

// stale is that something can come of a cache that is behind.
func (p protocol) stale() bool { return p.noClaim || p.noVersion }

func (p protocol) options() Options {
	o := Options{CallTimeout: tick * time.Second, VisibilityTimeout: 2 * tick * time.Second}
	if p.callTimeout > 0 {
		o.CallTimeout = p.callTimeout
	}
	return o
}

// TestModel goes through every history of one name at the API server and two
// operators, in which a bounded number of faults happen at any moments: crashes,
// with a restart onto a cache that lags; writes that are refused, whose answer is
// lost, or that arrive later; calls that fail; the object deleted and created
// again under its name, or edited. At every moment either operator can go on, on
// whatever version of the object its cache has had, or stand still, and time can
// pass, until well after the deadline. The operators are not described anew: they
// run attempt, decide and all that these call (model_operator_test.go).
//
// In every state it holds that:
//   - there is no second call for an object, unless the one before was answered
//     as failed, or its process died or was cut off from the API server (or
//     stopped) between that very call and the stored outcome;
//   - no outcome is stored on another object than the one it is of, and none
//     over an end;
//   - no finished object is called for;
//   - if no more faults come, the object finishes.
//
// With one fault that is 94 905 states and 200 804 steps, in some seconds; with
// two, 1 765 954 states and 4 624 099 steps.
func TestModel(t *testing.T) {
	m := newModel(t, protocol{})
	began := time.Now()
	violations := 0
	if violation := m.search(*modelFaults); violation != "" {
		violations++
		t.Error(violation)
	}
	figures.Note(t, "states", len(m.visited))
	figures.Note(t, "steps", m.taken)
	figures.AtMost(t, "histories that violate it", violations, 0, true)
	t.Logf("%d faults at most, %d runs of the operator's code, %s", *modelFaults, m.operator.made, time.Since(began).Round(time.Millisecond))
	if len(m.visited) < 1000 {
		t.Error("this search proves nothing")
	}
}

// TestModelBites: without any one of its guards the protocol fails.
func TestModelBites(t *testing.T) {
	const attempts, next, uid = "/status/attempts", "/status/nextAttemptTime", "/metadata/uid"
	for _, tt := range []struct {
		name     string
		protocol protocol
		faults   int
		want     string
	}{
		{"no claim", protocol{noClaim: true, untested: []string{attempts, next}}, 0, "call 2 for UID 1"},
		{"claim without a precondition", protocol{noVersion: true}, 0, "call 2 for UID 1"},
		{"no deadline from the claim", protocol{callTimeout: time.Hour}, 0, "call 2 for UID 1"},
		{"outcome not held until stored", protocol{givesUp: true}, 1, "call 2 for UID 1"},
		{"outcome without the UID", protocol{untested: []string{uid}}, 1, "the outcome of UID 1 is stored on UID 2"},
		{"outcome over a later attempt", protocol{untested: []string{attempts, next}}, 1, "an end is overwritten"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			violation := newModel(t, tt.protocol).search(tt.faults)
			if !strings.Contains(violation, tt.want) {
				t.Errorf("found %q, want %q", violation, tt.want)
			}
			t.Log(violation)
		})
	}
}

// model is a search.
type model struct {
	operator operator
	server   apiServer
	visited  map[string]int  // with how many faults left, by key
	finishes map[string]bool // states from which the object is known to finish without faults
	reached  []reached       // in the order of their discovery
	taken    int
}

// reached is how a state was come by.
type reached struct {
	from int
	by   step
}

func newModel(t *testing.T, p protocol) *model {
	return &model{
		operator: operator{t: t, protocol: p, points: map[heard]*point{}, names: map[string]int{}},
		server:   apiServer{t: t, versions: map[string]*version{}, results: map[applied]result{}},
		visited:  map[string]int{}, finishes: map[string]bool{},
	}
}

func (m *model) stale() bool { return m.operator.protocol.stale() }

// start is a new object.
func (m *model) start(faults int) world {
	return world{history: []*version{m.server.created("1", 0, 0)}, faults: faults, uids: 1}
}

// search goes through all states, the nearest first, and returns the shortest
// history that ends in a state that is wrong; empty if there is none.
func (m *model) search(faults int) (violation string) {
	type found struct {
		world
		n int // in reached
	}
	start := m.start(faults)
	m.reached = []reached{{}}
	m.visited[start.key(m.stale())] = faults
	for level := []found{{start, 0}}; len(level) > 0; {
		var next []found
		for _, f := range level {
			if steps, wrong := m.finish(f.world); wrong != nil {
				return m.tell(faults, f.n, steps, wrong)
			}
			for _, s := range f.steps(m.stale()) {
				after, ok, wrong := m.take(f.world, s)
				if wrong != nil {
					return m.tell(faults, f.n, []step{s}, wrong)
				}
				if !ok {
					continue
				}
				m.taken++
				key := after.key(m.stale())
				if left, ok := m.visited[key]; ok && left >= after.faults {
					continue
				}
				m.visited[key] = after.faults
				m.reached = append(m.reached, reached{f.n, s})
				next = append(next, found{after, len(m.reached) - 1})
			}
		}
		level = next
	}
	return ""
}

// finish lets everything go on without faults, and says what keeps the object
// from finishing, and after which steps.
func (m *model) finish(w world) (steps []step, wrong error) {
	w.late = nil // they never arrive
	var keys []string
	for {
		key := w.key(m.stale())
		if m.finishes[key] || w.idle() && (w.present().obj == nil || lifecycle.Finished(w.present().obj)) {
			break
		}
		if keys = append(keys, key); len(keys) == 100 {
			return steps, errors.New("it does not finish")
		}
		s, err := m.sound(&w)
		if err != nil {
			return steps, err
		}
		steps = append(steps, s)
		after, _, wrong := m.take(w, s)
		if wrong != nil && w.now <= lastTick {
			return nil, nil // the search comes by here as well
		} else if wrong != nil {
			return steps, wrong
		}
		w = after
	}
	for _, key := range keys {
		m.finishes[key] = true
	}
	return nil, nil
}

// sound is the next step where nothing goes wrong.
func (m *model) sound(w *world) (step, error) {
	for i, p := range w.processes {
		switch {
		case p.at == nil:
		case p.reply != nil:
			return step{hear, i, 0}, nil
		case p.at.asks.verb == call:
			return step{succeed, i, 0}, nil
		default:
			return step{serve, i, 0}, nil
		}
	}
	switch at := m.operator.begin(w.now, w.present()); {
	case at.asks != nil:
		return step{look, 0, len(w.history) - 1}, nil
	case !at.again:
		return step{}, errors.New("nothing wakes it")
	}
	return step{kind: pass}, nil
}

// tell returns the history to a state, and what is wrong after some steps more.
func (m *model) tell(faults, n int, more []step, wrong error) string {
	var steps []step
	for ; n != 0; n = m.reached[n].from {
		steps = append(steps, m.reached[n].by)
	}
	slices.Reverse(steps)
	steps = append(steps, more...)
	var b strings.Builder
	w := m.start(faults)
	for _, s := range steps {
		after, _, _ := m.take(w, s)
		fmt.Fprintf(&b, "\n%3d s  %s", w.now, describe(w, after, s))
		w = after
	}
	return wrong.Error() + b.String()
}

// describe one step.
func describe(before, after world, s step) string {
	who := string(rune('A' + s.process))
	p, is := before.processes[s.process], after.processes[s.process]
	doing := ""
	if p.at != nil && p.at.asks != nil {
		doing = p.at.asks.String()
	}
	then := ""
	if is.at != nil && is.at != p.at {
		then = ", asks: " + is.at.asks.String()
	} else if is.at == nil && p.at != nil {
		then = ", has ended"
	}
	stored := ""
	if len(after.history) > len(before.history) {
		stored = fmt.Sprintf(" (version %d)", len(after.history)-1)
	}
	switch s.kind {
	case look:
		return fmt.Sprintf("%s reads version %d of %d%s", who, s.n, len(before.history)-1, then)
	case serve:
		return served(who, doing, stored, then)
	case hear:
		return who + " hears that its claim is stored" + then
	case succeed:
		return who + "'s call is answered: logged out" + then
	case fail:
		return who + "'s call is answered: throttled" + then
	case refuse:
		return who + "'s " + doing + " is refused: unavailable" + then
	case forbid:
		return who + "'s " + doing + " is refused: forbidden" + then
	case lose:
		return who + "'s " + doing + " is served" + stored + ", but the answer is lost" + then
	case delay:
		return who + " gives up its " + doing + ", which may still arrive" + then
	case die:
		return who + " dies and starts again"
	case dieSent:
		return who + " dies and starts again; its " + doing + " may still arrive"
	case arrive:
		return "a late " + before.late[s.n].String() + " arrives" + stored
	case pass:
		return "time passes"
	case destroy:
		return "the object is deleted" + stored
	case edit:
		return "the object is edited" + stored
	}
	return "an object of the same name is created" + stored
}

func served(who, doing, stored, then string) string {
	if stored == "" {
		return who + "'s " + doing + " changes nothing" + then
	}
	return who + "'s " + doing + " is stored" + stored + then
}

func (r *request) String() string {
	switch {
	case r.claim:
		return fmt.Sprintf("claim of attempt %d of UID %s", r.attempts, r.uid)
	case r.verb == update:
		return fmt.Sprintf("status %s of UID %s", lifecycle.Ready(r.obj.Status).Reason, r.uid)
	case r.verb == patch:
		return fmt.Sprintf("outcome of attempt %d of UID %s", r.attempts, r.uid)
	case r.verb == read:
		return "live read"
	}
	return "call for UID " + string(r.uid)
}
