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
	"github.com/logout-operator/logout-operator/test/harness/figures"
)

var modelFaults = flag.Int("model-faults", 1,
	"faults in one history of TestModel; with 2 it takes a minute, and with -race five")

// protocol is how the operator of a model attempts a logout: with the code of this package, minus some guards.
type protocol struct {
	noClaim     bool          // nothing is stored before the call
	noVersion   bool          // the claim has no precondition
	untested    []string      // preconditions that the outcome lacks
	givesUp     bool          // storing the outcome is tried once: the worker does not wait until it is stored
	callTimeout time.Duration // counted from the claim; zero means a tick
}

// stale reports whether a cache that is behind can have an effect.
func (p protocol) stale() bool { return p.noClaim || p.noVersion }

func (p protocol) options() Options {
	o := Options{CallTimeout: tick * time.Second, VisibilityTimeout: 2 * tick * time.Second}
	if p.callTimeout > 0 {
		o.CallTimeout = p.callTimeout
	}
	return o
}

// TestModel explores every history of one name with an API server, two operators and a bounded number of faults at any
// moment. The faults are crashes, with a restart on a cache that is behind; writes that are refused, whose answer is
// lost, or that arrive later; calls that fail; and an object that is deleted and created again under its name, or
// edited. At every moment, either operator can continue, on any version of the object that its cache has had, or stand
// still, and time can pass, until well after the deadline. The model does not describe the operators: it runs attempt,
// decide and everything that they call (model_operator_test.go).
//
// The test checks these rules in every state:
//   - There is no second call for an object, unless the service answered that the
//     first one failed, or the first one's process died, stopped or was cut off
//     from the API server between that very call and the stored outcome.
//   - No outcome is stored in an object that it does not belong to, and none
//     replaces a final status.
//   - No call is made for a finished object.
//   - If no more faults come, the object finishes.
//
// With one fault there are 94 905 states and 200 804 steps, which takes some seconds. With two there are 1 765 954
// states and 4 624 099 steps.
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
	t.Logf("%d faults at most, %d runs of the operator's code, %s", *modelFaults, m.operator.made,
		time.Since(began).Round(time.Millisecond))
	if len(m.visited) < 1000 {
		t.Error("this search proves nothing")
	}
}

// TestModelBites checks that the protocol fails if any one of its guards is missing.
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

// model is a search through the states.
type model struct {
	operator operator
	server   apiServer
	visited  map[string]int  // number of faults left, by key
	finishes map[string]bool // states from which the object is known to finish without faults
	reached  []reached       // in order of discovery
	taken    int
}

// reached is how the search reached a state.
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

// start returns the state with a new object.
func (m *model) start(faults int) world {
	return world{history: []*version{m.server.created("1", 0, 0)}, faults: faults, uids: 1}
}

// search explores all states, the nearest first. It returns the shortest history that ends in a wrong state; empty if
// there is none.
func (m *model) search(faults int) (violation string) {
	type found struct {
		world
		n int // its index in reached
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

// finish continues without faults. It returns what keeps the object from finishing, and after which steps.
func (m *model) finish(w world) (steps []step, wrong error) {
	w.late = nil // late writes never arrive
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
			return nil, nil // the search reaches this state, too
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

// sound returns the next step without a fault.
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

// tell describes the history of a state, and what is wrong after some more steps.
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

// describe describes one step.
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
