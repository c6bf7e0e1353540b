package turns

import "k8s.io/apimachinery/pkg/types"

// maxNowInARow is how many turns objects of AddNow have before one of AddLater.
const maxNowInARow = 8

// turns decides which object is handed to the workers next. It has no lock and no goroutine.
type turns struct {
	limit int            // how many objects without a slot may be handed out at a time
	out   int            // how many are
	outOf map[string]int // how many are, by namespace
	held  map[types.NamespacedName]*hold

	now, later round
	nowInARow  int // turns since one of later
}

// hold is an object that is handed out: it is on its way to a worker, or a worker has it.
type hold struct {
	counted bool // in out, because it has no slot
	taken   bool // a worker has it
	again   bool // it joins the line again when the worker is done
}

func newTurns(limit int) *turns {
	return &turns{limit: limit, outOf: map[string]int{}, held: map[types.NamespacedName]*hold{},
		now: newRound(), later: newRound()}
}

// next hands out an object. It returns false if there is none, or none may be handed out for now.
func (t *turns) next() (types.NamespacedName, bool) {
	for t.out < t.limit { // otherwise pick would look at all namespaces in vain
		key, ok := t.pick()
		if !ok {
			break
		}
		h := t.held[key]
		if h == nil {
			t.held[key] = &hold{counted: true}
			t.out++
			t.outOf[key.Namespace]++
			return key, true
		}
		h.again = h.taken // two workers must not have it; if none has it yet, one will get it anyway
	}
	return types.NamespacedName{}, false
}

// pick removes and returns the object whose turn it is.
func (t *turns) pick() (types.NamespacedName, bool) {
	if t.nowInARow < maxNowInARow {
		if key, ok := t.now.next(t.mayHave); ok {
			t.nowInARow++
			return key, true
		}
	}
	t.nowInARow = 0
	if key, ok := t.later.next(t.mayHave); ok {
		return key, true
	}
	return t.now.next(t.mayHave)
}

// mayHave reports whether one more object of a namespace may be handed out: only while there is room for more than the
// namespace already has out. So one namespace leaves half of the room to others, a second one a quarter, and so on.
func (t *turns) mayHave(namespace string) bool { return t.limit-t.out > t.outOf[namespace] }

// take notes that a worker has got an object. It returns false if that was not the object's turn.
func (t *turns) take(key types.NamespacedName, hasSlot bool) bool {
	h := t.held[key]
	if h == nil {
		if !hasSlot {
			return false
		}
		h = &hold{}
		t.held[key] = h
	}
	h.taken = true
	if hasSlot {
		t.gotSlot(key)
	}
	return true
}

// gotSlot makes room for another object, because an object that is handed out has a slot.
func (t *turns) gotSlot(key types.NamespacedName) {
	h := t.held[key]
	if h == nil || !h.counted {
		return
	}
	h.counted = false
	t.out--
	if t.outOf[key.Namespace]--; t.outOf[key.Namespace] == 0 {
		delete(t.outOf, key.Namespace)
	}
}

// done notes that the worker is done with an object.
func (t *turns) done(key types.NamespacedName) {
	h := t.held[key]
	t.gotSlot(key)
	delete(t.held, key)
	if h != nil && h.again {
		t.now.add(key)
	}
}

// round holds objects that wait for their turn. It goes round the namespaces.
type round struct {
	lines map[string]*line // by namespace
	order []*line          // of their turns
	len   int
}

// line holds the waiting objects of a namespace in the order in which they came, each once.
type line struct {
	namespace string
	names     []string
	waits     map[string]struct{}
}

func newRound() round { return round{lines: map[string]*line{}} }

func (r *round) add(key types.NamespacedName) {
	l := r.lines[key.Namespace]
	if l == nil {
		l = &line{namespace: key.Namespace, waits: map[string]struct{}{}}
		r.lines[key.Namespace] = l
		r.order = append(r.order, l)
	}
	if _, waits := l.waits[key.Name]; !waits {
		l.waits[key.Name] = struct{}{}
		l.names = append(l.names, key.Name)
		r.len++
	}
}

// next removes and returns the first object of the next namespace that may have one more handed out. It skips the
// others: at most as many as objects are handed out.
func (r *round) next(mayHave func(namespace string) bool) (types.NamespacedName, bool) {
	for range len(r.order) {
		l := r.order[0]
		r.order = r.order[1:]
		if !mayHave(l.namespace) {
			r.order = append(r.order, l)
			continue
		}
		key := types.NamespacedName{Namespace: l.namespace, Name: l.names[0]}
		l.names = l.names[1:]
		delete(l.waits, key.Name)
		r.len--
		if len(l.names) > 0 {
			r.order = append(r.order, l)
		} else {
			delete(r.lines, l.namespace) // maps do not shrink
		}
		return key, true
	}
	return types.NamespacedName{}, false
}
