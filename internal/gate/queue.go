package gate

import (
	"container/list"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// headStart is how many slots a lane gets before all others when it comes
	// back after a pause, so that a tenant with ten logouts is done as if it
	// were alone.
	headStart = 10
	// headStartRegained is how many of them come back with every second.
	headStartRegained = 1
	// idleLines is how many lines are kept that nobody waits in, beside one for
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

// queue holds the objects that wait at one gate. One of them takes about 300
// bytes (BenchmarkWaiting).
type queue struct {
	places map[types.NamespacedName]*list.Element // in a line; of entry
	lines  map[lane]*line
	// early and usual are the lines that somebody waits in, with and without a
	// head start, in the order of their turns; of *line.
	early, usual list.List
}

// line is who waits in one lane.
type line struct {
	lane    lane
	waiting list.List // of entry
	came    int       // how many ever came
	early   *rate.Limiter
	turn    *list.Element // in early or usual; nil if nobody waits
}

// entry is an object that waits.
type entry struct {
	key    types.NamespacedName
	line   *line
	number int // among those that ever came to the line
	since  time.Time
}

func newQueue() queue {
	return queue{places: map[types.NamespacedName]*list.Element{}, lines: map[lane]*line{}}
}

func (q *queue) len() int { return len(q.places) }

// has reports whether the object waits.
func (q *queue) has(key types.NamespacedName) bool { return q.places[key] != nil }

// push puts an object at the end of its lane.
func (q *queue) push(key types.NamespacedName, in lane, now time.Time) {
	l := q.line(in)
	q.places[key] = l.waiting.PushBack(entry{key, l, l.came, now})
	l.came++
	q.lineUp(l, now)
}

// putBack puts an object that was popped in vain at the front of its lane.
func (q *queue) putBack(e entry, now time.Time) {
	e.line = q.line(e.line.lane)
	q.places[e.key] = e.line.waiting.PushFront(e)
	q.lineUp(e.line, now)
}

// pop takes out the object whose turn it is.
func (q *queue) pop(now time.Time) (e entry, ok bool) {
	turn := q.early.Front()
	if turn == nil {
		turn = q.usual.Front()
	}
	if turn == nil {
		return entry{}, false
	}
	l := turn.Value.(*line)
	e = l.waiting.Front().Value.(entry)
	l.early.AllowN(now, 1)
	q.remove(e.key)
	q.leave(l) // its next turn comes after the others'
	q.lineUp(l, now)
	return e, true
}

// remove takes out an object that does not wait any more.
func (q *queue) remove(key types.NamespacedName) {
	place, ok := q.places[key]
	if !ok {
		return
	}
	delete(q.places, key)
	l := place.Value.(entry).line
	l.waiting.Remove(place)
	if l.waiting.Len() == 0 {
		q.leave(l)
	}
}

// since returns when an object that waits came.
func (q *queue) since(key types.NamespacedName) time.Time {
	return q.places[key].Value.(entry).since
}

// ahead estimates how many objects have their turn before this one.
func (q *queue) ahead(key types.NamespacedName) int {
	e := q.places[key].Value.(entry)
	inLine := e.number - e.line.waiting.Front().Value.(entry).number
	lines := q.early.Len() + q.usual.Len()
	return min(q.len()-1, inLine*lines+lines-1)
}

// lineUp gives a line its turn if somebody waits in it.
func (q *queue) lineUp(l *line, now time.Time) {
	switch {
	case l.turn != nil || l.waiting.Len() == 0:
	case l.early.TokensAt(now) >= 1:
		l.turn = q.early.PushBack(l)
	default:
		l.turn = q.usual.PushBack(l)
	}
}

func (q *queue) leave(l *line) {
	if l.turn != nil {
		q.early.Remove(l.turn) // does nothing in a list that it is not in
		q.usual.Remove(l.turn)
		l.turn = nil
	}
}

// line returns the line of a lane.
func (q *queue) line(of lane) *line {
	l, ok := q.lines[of]
	if !ok {
		if len(q.lines) >= 2*(q.early.Len()+q.usual.Len())+idleLines {
			q.forgetIdle()
		}
		l = &line{lane: of, early: rate.NewLimiter(headStartRegained, headStart)}
		q.lines[of] = l
	}
	return l
}

// forgetIdle drops the lines about which nothing need be remembered.
func (q *queue) forgetIdle() {
	for lane, l := range q.lines {
		if l.turn == nil && l.early.Tokens() >= headStart {
			delete(q.lines, lane)
		}
	}
}
