package controllers

import (
	"encoding/binary"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/internal/lifecycle"
)

const (
	tick     = 10       // seconds; time passes in ticks
	lastTick = 4 * tick // by then the deadline of an object that is not created again has passed
)

// world is one state of the model: the API server, two operators and the calls so far. Either operator may do its next
// step at any time, so leadership may overlap and move in every way. A process that is stopped and continues later is
// one that takes no step for a while.
type world struct {
	now       int        // in seconds
	history   []*version // versions under the name; the last one is current
	processes [2]process
	late      []*request // writes that a client has given up and that may still arrive
	faults    int        // faults that may still happen
	uids      int        // objects created so far
	tally     [2]tally   // by object
}

// process is an operator. Its cache can be at any version at any time, and can go back when the process restarts with
// an API server that lags.
type process struct {
	at    *point // nil if idle
	reply *reply // an answer of the API server that the process has not read yet

	claim  *request // of the attempt under way
	called bool     // its call has been made
	known  bool     // the API server knows the outcome, or need not
}

// tally is what happened to one object.
type tally struct {
	calls int
	// excused counts the calls that another call may follow: calls that the service answered as failed, calls whose
	// process died, and calls whose outcome could not be stored before the claim ran out.
	excused int
}

func (w *world) present() *version { return w.history[len(w.history)-1] }

func (w *world) idle() bool { return w.processes[0].at == nil && w.processes[1].at == nil }

// store makes a version the current one. States share their histories.
func (w *world) store(v *version) { w.history = append(slices.Clip(w.history), v) }

func (w *world) tallyOf(uid types.UID) *tally { return &w.tally[uid[0]-'1'] }

// key identifies a state. Which process is which does not matter. Earlier versions do not matter, either, if nothing
// that a process does with an outdated version has an effect.
func (w *world) key(stale bool) string {
	b := []byte{byte(w.now / tick), byte(w.uids), byte(len(w.history))}
	id := func(b []byte, n int) []byte { return binary.LittleEndian.AppendUint32(b, uint32(n)) }
	for _, t := range w.tally {
		b = append(b, byte(t.calls), byte(t.excused))
	}
	var each [2][]byte
	for i, p := range w.processes {
		k := []byte{0}
		if p.called {
			k[0] |= 1
		}
		if p.known {
			k[0] |= 2
		}
		if p.at != nil {
			k = id(k, p.at.id)
		}
		if p.reply != nil {
			k = id(k, p.reply.object.id)
		}
		each[i] = k
	}
	if string(each[0]) > string(each[1]) {
		each[0], each[1] = each[1], each[0]
	}
	b = append(b, byte(len(each[0])))
	b = append(append(b, each[0]...), each[1]...)
	for _, r := range w.late {
		b = id(b, r.id)
	}
	if !stale {
		return string(id(b, w.present().id))
	}
	b = append(b, byte(len(w.late)))
	for _, v := range w.history {
		b = id(b, v.id)
	}
	return string(b)
}

// step is one thing that can happen next.
type step struct {
	kind    kind
	process int
	n       int // for look, the version read; for arrive, the index of the late write
}

type kind int

const (
	look    kind = iota // a reconcile begins
	serve               // the API server carries out the request and answers
	hear                // the process learns that its claim is stored
	succeed             // the service answers
	pass                // time passes

	// The following steps are faults.
	fail    // the service answers that it failed
	refuse  // the API server does not carry out the request
	forbid  // like refuse, and it says that it never will
	lose    // the API server carries out the request and the answer is lost
	delay   // the client gives up the request, which may still arrive
	die     // the process is killed and starts again, with a cache that may lag
	dieSent // like die, but its request may still arrive
	destroy // the object is deleted
	edit    // a label is changed

	arrive // a late request arrives
	create // an object of the same name is created
)

func (s step) fault() bool { return s.kind >= fail && s.kind <= edit }

// steps returns everything that can happen, without faults if none are left. stale means that a process may read an
// earlier version.
func (w *world) steps(stale bool) []step {
	var steps []step
	for i, p := range w.processes {
		switch {
		case p.at == nil:
			first := len(w.history) - 1
			if stale {
				first = 0
			}
			for v := first; v < len(w.history); v++ {
				steps = append(steps, step{look, i, v})
			}
		case p.reply != nil:
			steps = append(steps, step{hear, i, 0})
		case p.at.asks.verb == call:
			steps = append(steps, step{succeed, i, 0}, step{fail, i, 0})
		default:
			steps = append(steps, step{serve, i, 0}, step{refuse, i, 0})
			if p.at.asks.verb != read {
				steps = append(steps, step{lose, i, 0}, step{delay, i, 0}, step{dieSent, i, 0})
			}
			if p.at.asks.verb == patch {
				steps = append(steps, step{forbid, i, 0})
			}
		}
		if p.at != nil {
			steps = append(steps, step{die, i, 0})
		}
	}
	for i := range w.late {
		steps = append(steps, step{arrive, 0, i})
	}
	if w.now < lastTick {
		steps = append(steps, step{kind: pass})
	}
	if w.present().obj != nil {
		steps = append(steps, step{kind: destroy}, step{kind: edit})
	} else if w.uids < len(w.tally) {
		steps = append(steps, step{kind: create})
	}
	if w.faults == 0 {
		steps = slices.DeleteFunc(steps, step.fault)
	}
	return steps
}

// take returns the state after a step, and what is wrong with it. It is not ok if the step changes nothing.
func (m *model) take(w world, s step) (after world, ok bool, wrong error) {
	after, ok, wrong = m.do(w, s)
	if wrong == nil && len(after.history) > len(w.history) {
		wrong = m.settle(&after)
	}
	return after, ok, wrong
}

// settle makes the API server refuse at once the writes that it can only refuse, because their object has changed. When
// it refuses them makes no difference to the other process.
func (m *model) settle(w *world) error {
	is := w.present().obj
	hopeless := func(r *request) bool {
		return r != nil && r.verb == update && r.obj.ResourceVersion != "" &&
			(is == nil || is.ResourceVersion != r.obj.ResourceVersion)
	}
	w.late = slices.DeleteFunc(slices.Clone(w.late), hopeless)
	for i := range w.processes {
		if p := &w.processes[i]; p.at != nil && p.reply == nil && hopeless(p.at.asks) {
			if err := m.heard(w, p, m.server.do(w.present(), len(w.history), p.at.asks).reply); err != nil {
				return err
			}
		}
	}
	if !m.stale() && is != nil {
		return m.conditional(w.now, w.present())
	}
	return nil
}

// conditional checks that a process, whatever it does with a version and whenever, makes only writes that have this
// version as their precondition, and does nothing else if that fails. So reading an outdated version has no effect.
func (m *model) conditional(now int, v *version) error {
	for ; now <= lastTick; now += tick {
		at := m.operator.begin(now, v)
		if at.asks == nil {
			continue
		}
		if at.asks.verb != update || at.asks.obj.ResourceVersion != v.obj.ResourceVersion ||
			at.asks.obj.UID != v.obj.UID {
			return fmt.Errorf("a %s upon what the cache has, without a precondition", at.asks)
		}
		for _, says := range []string{saysConflict, saysGone} {
			if then := m.operator.hear(at, heard{now, reply{says: says}}); then.asks != nil {
				return fmt.Errorf("a %s although the cache was behind", then.asks)
			}
		}
	}
	return nil
}

// do carries out a step.
func (m *model) do(w world, s step) (after world, ok bool, wrong error) {
	if s.fault() {
		w.faults--
	}
	p := &w.processes[s.process]
	switch s.kind {
	case look:
		if w.history[s.n].obj == nil {
			return w, false, nil
		}
		at := m.operator.begin(w.now, w.history[s.n])
		if at.asks == nil {
			return w, false, nil // it ends without a request; reading again is the same as reading a later version
		}
		p.at = at
		return w, true, m.asked(&w, p)
	case serve, lose:
		r := p.at.asks
		answer, err := m.serve(&w, r)
		if err != nil {
			return w, true, err
		}
		if s.kind == lose {
			answer = reply{says: saysTimeout}
		} else if r.claim && answer.says == saysDone {
			p.reply = &answer // what happens before the process gets it matters
			return w, true, nil
		}
		return w, true, m.heard(&w, p, answer)
	case hear:
		return w, true, m.heard(&w, p, *p.reply)
	case succeed:
		return w, true, m.heard(&w, p, reply{says: saysLoggedOut})
	case fail:
		w.excuse(p)
		return w, true, m.heard(&w, p, reply{says: saysThrottled})
	case refuse:
		return w, true, m.heard(&w, p, reply{says: saysUnavailable})
	case forbid:
		w.excuse(p)
		return w, true, m.heard(&w, p, reply{says: saysForbidden})
	case delay:
		w.late = append(slices.Clip(w.late), p.at.asks)
		return w, true, m.heard(&w, p, reply{says: saysTimeout})
	case dieSent:
		w.late = append(slices.Clip(w.late), p.at.asks)
		fallthrough
	case die:
		w.excuse(p)
		*p = process{}
	case arrive:
		r := w.late[s.n]
		w.late = slices.Delete(slices.Clone(w.late), s.n, s.n+1)
		_, err := m.serve(&w, r)
		return w, true, err
	case pass:
		w.now += tick
		for i := range w.processes {
			if c := w.processes[i].claim; c != nil && w.now >= c.ends {
				w.excuse(&w.processes[i])
			}
		}
	case destroy:
		w.store(m.server.version(nil, len(w.history)))
	case edit:
		w.store(m.server.edited(w.present(), len(w.history)))
	case create:
		w.uids++
		w.store(m.server.created(types.UID([]string{"1", "2"}[w.uids-1]), w.now, len(w.history)))
	}
	return w, true, nil
}

// excuse allows another call after that of a process, if it has made one and the outcome is unknown.
func (w *world) excuse(p *process) {
	if p.called && !p.known {
		p.known = true
		w.tallyOf(p.at.read.obj.UID).excused++
	}
}

// serve makes the API server carry out a request.
func (m *model) serve(w *world, r *request) (reply, error) {
	before := w.present()
	is := m.server.do(before, len(w.history), r)
	if is.next == nil {
		return is.reply, nil
	}
	w.store(is.next)
	if r.verb == patch {
		if before.obj.UID != r.uid {
			return is.reply, fmt.Errorf("the outcome of UID %s is stored on UID %s", r.uid, before.obj.UID)
		}
		for i := range w.processes {
			if c := w.processes[i].claim; c != nil && c.uid == r.uid && c.attempts == r.attempts {
				w.processes[i].known = true
			}
		}
	}
	if is.next.obj != nil && lifecycle.Finished(before.obj) && !equalStatus(before.obj.Status, is.next.obj.Status) {
		return is.reply, fmt.Errorf("an end is overwritten: %s by %s", lifecycle.Ready(before.obj.Status).Reason,
			lifecycle.Ready(is.next.obj.Status).Reason)
	}
	return is.reply, nil
}

// heard continues a process with one reply.
func (m *model) heard(w *world, p *process, r reply) error {
	p.at, p.reply = m.operator.hear(p.at, heard{w.now, r}), nil
	return m.asked(w, p)
}

// asked notes what a process asks for now, and counts its calls.
func (m *model) asked(w *world, p *process) error {
	r := p.at.asks
	switch {
	case r == nil:
		*p = process{}
	case r.claim:
		p.claim = r
	case r.verb == call:
		p.called, p.known = true, false
		t := w.tallyOf(r.uid)
		if t.calls++; t.calls > 1+t.excused {
			return fmt.Errorf("call %d for UID %s, and only %d of those before were answered as failed or cut off from the API server",
				t.calls, r.uid, t.excused)
		}
		if is := w.present().obj; is != nil && is.UID == r.uid && lifecycle.Finished(is) {
			return fmt.Errorf("a call for UID %s, which is finished", r.uid)
		}
	}
	return nil
}
