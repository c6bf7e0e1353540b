package gate

import (
	"math"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// headStart is how many slots a namespace gets before all others when it comes back after having nothing to call,
	// so that a tenant with ten logouts finishes as if it were alone. The namespace regains one slot of it for every
	// second in which none of its objects waits.
	headStart = 10
	// earlyInARow is how many slots go to namespaces with a head start before one goes to the others, so that small
	// numbers of objects from many namespaces do not starve a backlog.
	earlyInARow = 2 * headStart
	// idleLines is how many empty lines are kept, beside two for each line in use. They remember how much of the head
	// start has been used.
	idleLines = 64
)

// class is a group of objects in a line. New objects wait neither for the backlog of a restart nor for retries, and
// retries do not wait for the backlog.
type class uint8

const (
	fresh   class = iota // new, or the outcome of its last call is unknown
	retry                // its last call failed
	backlog              // created before this process's first object entered
	classes
)

// queue holds the objects that wait at one gate. BenchmarkWaiting measures how many bytes one object takes.
type queue struct {
	places map[types.NamespacedName]*place
	lines  map[string]*line // by namespace
	// early and usual are the lines with waiting objects, with and without a head start, in the order of their turns.
	// The lines of a paused namespace are in neither; only pick finds the objects in them.
	early, usual list[*line]
	inARow       int // turns of early lines in a row while a usual line waits
	paused       map[string]bool
	arrivals     int // how many objects have ever come
}

// line holds the waiting objects of one namespace. Slots go round the lines, so that no namespace waits for the backlog
// of another. Within a line they go round the classes.
type line struct {
	namespace string
	waiting   [classes]list[entry]
	last      class       // the class that had the last turn
	headStart float64     // slots of the head start that are left
	turn      node[*line] // in early or usual, if an object waits
	idleSince time.Time   // since when no object waits
}

func (l *line) len() (n int) {
	for of := range l.waiting {
		n += l.waiting[of].len
	}
	return n
}

// insert puts an object among those of its class, in the order of arrival.
func (l *line) insert(p *place) {
	waiting := &l.waiting[p.value.class]
	before := waiting.front
	if waiting.len > 0 && waiting.back.value.number < p.value.number {
		before = nil
	}
	for before != nil && before.value.number < p.value.number {
		before = before.next
	}
	waiting.insert(p, before)
}

// next returns the object whose turn it is.
func (l *line) next() *place {
	for i := range classes {
		of := (l.last + 1 + i) % classes
		if p := l.waiting[of].front; p != nil {
			l.last = of
			return p
		}
	}
	return nil
}

// newest is the number of the object that came last.
func (l *line) newest() (number int) {
	for of := range l.waiting {
		if p := l.waiting[of].back; p != nil {
			number = max(number, p.value.number)
		}
	}
	return number
}

// oldest is the number of the object that came first.
func (l *line) oldest() (number int) {
	number = math.MaxInt
	for of := range l.waiting {
		if p := l.waiting[of].front; p != nil {
			number = min(number, p.value.number)
		}
	}
	return number
}

// regained is how much of the head start is left, including what has been regained.
func (l *line) regained(now time.Time) float64 {
	return min(headStart, l.headStart+now.Sub(l.idleSince).Seconds())
}

// place is the place of an object in its line.
type place = node[entry]

// entry is an object that waits or has been called up. There can be a hundred thousand of them, so times are stored as
// nanoseconds of Unix time, eight bytes each.
type entry struct {
	object       types.NamespacedName
	account      string
	line         *line
	number       int           // in the order of arrival, among all objects
	since        int64         // when it entered
	waitingSince int64         // see Applicant
	expires      int64         // see Applicant; 0 for never
	giveUp       time.Duration // see Applicant; 0 for never
	class        class
	failed       bool // see Applicant
	tell         bool // it has waited so long that its status should say so
	shown        bool // it has been called up since it expired
	early        bool // taken from the queue with a head start
	probe        bool // called up as a probe
}

// farOff is the latest time that fits into nanoseconds of Unix time. A later one counts as never.
var farOff = time.Unix(0, math.MaxInt64)

// update copies what may have changed in an object while it waits.
func (e *entry) update(a Applicant) {
	e.account, e.failed, e.giveUp, e.shown, e.expires, e.waitingSince = a.Account, a.Failed, a.GiveUp, false, 0, e.since
	if !a.WaitingSince.IsZero() {
		e.waitingSince = a.WaitingSince.UnixNano()
	}
	if !a.Expires.IsZero() && a.Expires.Before(farOff) {
		e.expires = a.Expires.UnixNano()
	}
}

func (e *entry) origin() origin { return origin{e.object.Namespace, e.account} }

func newQueue() queue {
	return queue{places: map[types.NamespacedName]*place{}, lines: map[string]*line{}, paused: map[string]bool{}}
}

func (q *queue) len() int { return len(q.places) }

// has reports whether objects of a namespace wait.
func (q *queue) has(namespace string) bool {
	l := q.lines[namespace]
	return l != nil && l.len() > 0
}

// push adds an object at the end of its class.
func (q *queue) push(a Applicant, of class, now time.Time) *place {
	l := q.line(a.Object.Namespace, now)
	p := &place{value: entry{object: a.Object, line: l, class: of, number: q.arrivals, since: now.UnixNano()}}
	p.value.update(a)
	q.arrivals++
	q.places[a.Object] = p
	l.waiting[of].pushBack(p)
	q.enlist(l, now)
	return p
}

// putBack returns an object whose slot was cancelled to its place in its line.
func (q *queue) putBack(p *place, now time.Time) {
	e := &p.value
	e.early, e.probe = false, false
	e.line = q.line(e.line.namespace, now) // the line may have been dropped meanwhile
	q.places[e.object] = p
	e.line.insert(p)
	q.enlist(e.line, now)
}

// reclassify moves an object to another class, if its class has changed.
func (q *queue) reclassify(p *place, of class) {
	if e := &p.value; e.class != of {
		p.leave()
		e.class = of
		e.line.insert(p)
	}
}

// pop removes the object whose turn it is, of a namespace that may call; nil if there is none.
func (q *queue) pop(may func(namespace string) bool, now time.Time) *place {
	turn, usual := first(&q.early, may), first(&q.usual, may)
	q.inARow++
	if turn == nil || usual == nil {
		q.inARow = 0
	}
	if turn == nil || q.inARow > earlyInARow {
		turn, q.inARow = usual, 0
	}
	if turn == nil {
		return nil
	}
	l := turn.value
	p := l.next()
	p.value.early = l.headStart >= 1
	l.headStart = max(0, l.headStart-1)
	q.remove(p, now)
	if l.len() > 0 { // its next object comes after those of other lines
		q.lineUp(l)
	}
	return p
}

// remove takes an object out of the queue.
func (q *queue) remove(p *place, now time.Time) {
	delete(q.places, p.value.object)
	l := p.value.line
	p.leave()
	if l.len() == 0 {
		l.turn.leave()
		l.idleSince = now
	}
}

// hasTurns reports whether pop would find an object.
func (q *queue) hasTurns(may func(namespace string) bool) bool {
	return first(&q.early, may) != nil || first(&q.usual, may) != nil
}

// first returns the first line of a namespace that may call.
func first(lines *list[*line], may func(namespace string) bool) *node[*line] {
	for turn := lines.front; turn != nil; turn = turn.next {
		if may(turn.value.namespace) {
			return turn
		}
	}
	return nil
}

// pause takes a namespace out of the order of turns; resume puts it back.
func (q *queue) pause(namespace string) {
	q.paused[namespace] = true
	if l, ok := q.lines[namespace]; ok {
		l.turn.leave()
	}
}

func (q *queue) resume(namespace string) {
	delete(q.paused, namespace)
	if l, ok := q.lines[namespace]; ok && l.len() > 0 {
		q.lineUp(l)
	}
}

// enlist puts a line into the order of turns when its first object has come.
func (q *queue) enlist(l *line, now time.Time) {
	if l.len() == 1 {
		l.headStart = l.regained(now)
		q.lineUp(l)
	}
}

func (q *queue) lineUp(l *line) {
	l.turn.leave()
	switch {
	case q.paused[l.namespace]:
	case l.headStart >= 1:
		q.early.pushBack(&l.turn)
	default:
		q.usual.pushBack(&l.turn)
	}
}

// line returns the line of a namespace.
func (q *queue) line(namespace string, now time.Time) *line {
	l, ok := q.lines[namespace]
	if !ok {
		if len(q.lines) >= 3*(q.early.len+q.usual.len)+idleLines {
			q.forgetIdle(now)
		}
		l = &line{namespace: namespace, last: backlog, headStart: headStart, idleSince: now}
		l.turn.value = l
		q.lines[namespace] = l
	}
	return l
}

// forgetIdle drops empty lines whose head start is complete again, because a new line would be the same.
func (q *queue) forgetIdle(now time.Time) {
	for namespace, l := range q.lines {
		if l.len() == 0 && l.regained(now) >= headStart {
			delete(q.lines, namespace)
		}
	}
}
