package gate

import (
	"container/list"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// headStart is how many slots a lane gets before all others when it comes
	// back after a pause, so that a tenant with ten logouts is done as if it
	// were alone. It regains one with every second in which nobody waits in it.
	headStart = 10
	// earlyInARow is how many slots go to lanes with a head start until one goes
	// to the others, so that a trickle from many does not starve a backlog.
	earlyInARow = 2 * headStart
	// idleLines is how many lines are kept that nobody waits in, beside two for
	// each in use: they remember how much of the head start has been used.
	idleLines = 64
)

// lane is a queue of its own at a gate. Slots go round the lanes, so that no
// namespace waits for the backlog of another.
type lane struct {
	namespace string
	// fresh objects have not been attempted and are no older than the gates:
	// they wait neither for the backlog of a restart nor for retries.
	fresh bool
}

// queue holds the objects that wait at one gate. One of them takes about 200
// bytes beside its name, alone in its lane 500 (BenchmarkWaiting).
type queue struct {
	places map[types.NamespacedName]*list.Element // in a line; of entry
	lines  map[lane]*line
	// early and usual are the lines that somebody waits in, with and without a
	// head start, in the order of their turns; of *line.
	early, usual list.List
	inARow       int // turns of the early lines while somebody waits in a usual one
}

// line is who waits in one lane.
type line struct {
	lane      lane
	waiting   list.List     // of entry
	came      int           // how many ever came
	headStart float64       // slots left of it
	turn      *list.Element // in early or usual; nil if nobody waits
	idleSince time.Time     // since when nobody waits
}

// regained is what is left of the head start after it has been regained.
func (l *line) regained(now time.Time) float64 {
	return min(headStart, l.headStart+now.Sub(l.idleSince).Seconds())
}

// entry is an object that waits.
type entry struct {
	key    types.NamespacedName
	line   *line
	number int       // among those that ever came to the line
	tell   time.Time // see Wait
	early  bool      // popped as one with a head start
}

func newQueue() queue {
	return queue{places: map[types.NamespacedName]*list.Element{}, lines: map[lane]*line{}}
}

func (q *queue) len() int { return len(q.places) }

// has reports whether the object waits.
func (q *queue) has(key types.NamespacedName) bool { return q.places[key] != nil }

// push puts an object at the end of its lane.
func (q *queue) push(key types.NamespacedName, in lane, tell, now time.Time) {
	l := q.line(in, now)
	q.places[key] = l.waiting.PushBack(entry{key: key, line: l, number: l.came, tell: tell})
	l.came++
	q.come(l, now)
}

// putBack puts an object that was popped in vain at the front of its lane.
func (q *queue) putBack(e entry, now time.Time) {
	e.line = q.line(e.line.lane, now)
	e.line.came = max(e.line.came, e.number+1) // the line may have been forgotten meanwhile
	q.places[e.key] = e.line.waiting.PushFront(e)
	q.come(e.line, now)
}

// pop takes out the object whose turn it is.
func (q *queue) pop(now time.Time) (e entry, ok bool) {
	turn := q.early.Front()
	q.inARow++
	if turn == nil || q.usual.Len() == 0 {
		q.inARow = 0
	}
	if turn == nil || q.inARow > earlyInARow {
		turn, q.inARow = q.usual.Front(), 0
	}
	if turn == nil {
		return entry{}, false
	}
	l := turn.Value.(*line)
	e = l.waiting.Front().Value.(entry)
	e.early = l.headStart >= 1
	l.headStart = max(0, l.headStart-1)
	q.remove(e.key, now)
	if l.turn != nil { // its next one comes after the others'
		q.endTurn(l)
		q.lineUp(l)
	}
	return e, true
}

// remove takes out an object that does not wait any more.
func (q *queue) remove(key types.NamespacedName, now time.Time) {
	place, ok := q.places[key]
	if !ok {
		return
	}
	delete(q.places, key)
	l := place.Value.(entry).line
	l.waiting.Remove(place)
	if l.waiting.Len() == 0 {
		q.endTurn(l)
		l.idleSince = now
	}
}

// tell returns when an object that waits is to be told so.
func (q *queue) tell(key types.NamespacedName) time.Time {
	return q.places[key].Value.(entry).tell
}

// ahead estimates how many objects have their turn before this one.
func (q *queue) ahead(key types.NamespacedName) int {
	e := q.places[key].Value.(entry)
	inLine := e.number - e.line.waiting.Front().Value.(entry).number
	lines := q.early.Len() + q.usual.Len()
	return min(q.len()-1, inLine*lines+lines-1)
}

// come gives a line its turn when somebody has come to it.
func (q *queue) come(l *line, now time.Time) {
	if l.turn == nil {
		l.headStart = l.regained(now)
		q.lineUp(l)
	}
}

func (q *queue) lineUp(l *line) {
	if l.headStart >= 1 {
		l.turn = q.early.PushBack(l)
	} else {
		l.turn = q.usual.PushBack(l)
	}
}

func (q *queue) endTurn(l *line) {
	q.early.Remove(l.turn) // does nothing in a list that it is not in
	q.usual.Remove(l.turn)
	l.turn = nil
}

// line returns the line of a lane.
func (q *queue) line(of lane, now time.Time) *line {
	l, ok := q.lines[of]
	if !ok {
		if len(q.lines) >= 3*(q.early.Len()+q.usual.Len())+idleLines {
			q.forgetIdle(now)
		}
		l = &line{lane: of, headStart: headStart, idleSince: now}
		q.lines[of] = l
	}
	return l
}

// forgetIdle drops the lines about which nothing need be remembered.
func (q *queue) forgetIdle(now time.Time) {
	for lane, l := range q.lines {
		if l.turn == nil && l.regained(now) >= headStart {
			delete(q.lines, lane)
		}
	}
}
