package gate

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// lineup is a queue with a clock.
type lineup struct {
	queue
	now time.Time
}

func anybody(string) bool { return true }

func newLineup() *lineup { return &lineup{newQueue(), begin} }

func (l *lineup) pass(d time.Duration) { l.now = l.now.Add(d) }

func (l *lineup) push(names ...string) {
	for _, name := range names {
		l.pushIn(backlog, name)
	}
}

func (l *lineup) pushIn(of class, name string) {
	l.queue.push(Applicant{Object: object(name)}, of, l.now)
}

func (l *lineup) has(name string) bool { return l.places[object(name)] != nil }

func (l *lineup) remove(name string) {
	if p := l.places[object(name)]; p != nil {
		l.queue.remove(p, l.now)
	}
}

// pushMany pushes objects named by their numbers.
func (l *lineup) pushMany(namespace string, objects int) {
	for i := range objects {
		l.push(namespace + "/" + strconv.Itoa(i))
	}
}

// pop removes this many objects, and returns their names.
func (l *lineup) pop(t *testing.T, objects int) []string {
	t.Helper()
	var names []string
	for range objects {
		p := l.queue.pop(anybody, l.now)
		if p == nil {
			t.Fatalf("nobody waits after %q", names)
		}
		names = append(names, p.value.object.String())
	}
	return names
}

// popNamespaces is like pop, but returns only the namespaces.
func (l *lineup) popNamespaces(t *testing.T, objects int) string {
	t.Helper()
	var namespaces strings.Builder
	for _, name := range l.pop(t, objects) {
		namespace, _, _ := strings.Cut(name, "/")
		namespaces.WriteString(namespace)
	}
	return namespaces.String()
}

// useHeadStart makes namespaces use up their head start.
func (l *lineup) useHeadStart(t *testing.T, namespaces ...string) {
	t.Helper()
	for _, namespace := range namespaces {
		l.pushMany(namespace, headStart)
		l.pop(t, headStart)
	}
}

func TestFirstComeFirstServed(t *testing.T) {
	l := newLineup()
	l.push("n/c", "n/a", "n/b")
	l.pop(t, 1)
	l.push("n/d")
	if got := strings.Join(l.pop(t, 3), " "); got != "n/a n/b n/d" {
		t.Error(got)
	}
	if l.queue.pop(anybody, l.now) != nil || l.len() != 0 || l.has("n/a") {
		t.Error("somebody waits")
	}
}

func TestRoundRobin(t *testing.T) {
	l := newLineup()
	l.useHeadStart(t, "a", "b", "c")
	l.pushMany("a", 5)
	l.pushMany("b", 2)
	l.pushMany("c", 3)
	if got := l.popNamespaces(t, 10); got != "abcabcacaa" {
		t.Error(got)
	}
}

// TestHeadStart checks that a namespace with a few objects finishes as if it were alone, and that one with many goes
// before the others for its first ten.
func TestHeadStart(t *testing.T) {
	l := newLineup()
	l.pushMany("a", 100)
	if got := l.popNamespaces(t, 12); got != strings.Repeat("a", 12) {
		t.Error(got)
	}
	l.pushMany("b", 3)
	l.pushMany("c", 30)
	if got, want := l.popNamespaces(t, 24), "bcbcbc"+strings.Repeat("c", headStart-3)+"acacacacaca"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestHeadStartRegained checks that a namespace that has not called for a while regains its head start, one slot a
// second.
func TestHeadStartRegained(t *testing.T) {
	for idle, want := range map[time.Duration]int{
		0: 0, time.Second: 1, 4*time.Second + time.Second/2: 4, 10 * time.Second: headStart, time.Hour: headStart,
	} {
		l := newLineup()
		l.useHeadStart(t, "a", "b")
		l.pass(idle)
		l.useHeadStart(t, "a") // up to what it has regained
		l.pushMany("a", 20)
		l.pushMany("b", 20)
		if got := l.popNamespaces(t, want+3); got != strings.Repeat("b", want)+"aba" {
			t.Errorf("after %s: %s, want a head start of %d", idle, got, want)
		}
	}
}

// TestNobodyStarves checks that every waiting object gets its turn, whatever head start others have and regain.
func TestNobodyStarves(t *testing.T) {
	for _, test := range []struct {
		name      string
		every     time.Duration // time between slots
		others    int           // other namespaces
		backlog   int           // objects of each of them at first
		perSecond int           // objects a second that come to each of them later
	}{
		{"slow service, one other backlog", 2 * time.Second, 1, 1000, 0},
		{"as many other backlogs as slots in a second", 100 * time.Millisecond, 10, 1000, 0},
		{"many other backlogs", 100 * time.Millisecond, 50, 200, 0},
		{"a trickle from others that takes every slot", 100 * time.Millisecond, 10, 1, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLineup()
			l.useHeadStart(t, "a")
			l.pushMany("a", 1000)
			for i := range test.others {
				l.pushMany("b"+strconv.Itoa(i), test.backlog)
			}
			turns, came := 0, l.now
			for range 100 * (1 + test.others) {
				l.pass(test.every)
				for ; test.perSecond > 0 && l.now.Sub(came) >= time.Second; came = came.Add(time.Second) {
					for i := range test.others {
						l.push("b" + strconv.Itoa(i) + "/" + strconv.Itoa(int(came.Sub(begin).Seconds())+1000))
					}
				}
				if strings.HasPrefix(l.pop(t, 1)[0], "a/") {
					turns++
				}
			}
			// A fair share is 100; some slots go to the head start of the others.
			if turns < 10 {
				t.Errorf("%d of %d turns, want at least 10", turns, 100*(1+test.others))
			}
		})
	}
}

// TestSortsTakeTurns checks that new objects wait neither for the retries nor for the backlog of their namespace, and
// that retries do not wait for the backlog. A namespace that has all three gets no more turns than another.
func TestSortsTakeTurns(t *testing.T) {
	l := newLineup()
	l.useHeadStart(t, "a", "b")
	l.pushMany("a", 100)
	l.pushMany("b", 100)
	for _, name := range []string{"a/new1", "a/new2", "a/new3"} {
		l.pushIn(fresh, name)
	}
	for _, name := range []string{"a/again1", "a/again2"} {
		l.pushIn(retry, name)
	}
	got := l.pop(t, 16)
	const want = "a/new1 b/0 a/again1 b/1 a/0 b/2 a/new2 b/3 a/again2 b/4 a/1 b/5 a/new3 b/6 a/2 b/7"
	if got := strings.Join(got, " "); got != want {
		t.Error(got)
	}
}

// TestResort checks that an object moves to its new sort when more becomes known about it.
func TestResort(t *testing.T) {
	l := newLineup()
	l.useHeadStart(t, "a")
	l.pushMany("a", 4)
	l.pushIn(fresh, "a/new")
	for range 2 { // a second time changes nothing
		l.reclassify(l.places[object("a/3")], fresh)
		l.reclassify(l.places[object("a/2")], retry)
	}
	if got := strings.Join(l.pop(t, 5), " "); got != "a/3 a/2 a/0 a/new a/1" || l.len() != 0 {
		t.Errorf("%s, and %d more", got, l.len())
	}
}

func TestRemove(t *testing.T) {
	l := newLineup()
	l.useHeadStart(t, "a", "b", "c")
	l.push("a/1", "a/2", "a/3", "b/1", "c/1", "c/2")
	for _, name := range []string{"a/2", "b/1", "c/1", "c/2", "c/2", "d/1"} {
		l.remove(name)
		if l.has(name) {
			t.Errorf("%s still waits", name)
		}
	}
	l.push("c/3")
	if got := strings.Join(l.pop(t, 3), " "); got != "a/1 c/3 a/3" || l.len() != 0 {
		t.Errorf("%s, and %d more", got, l.len())
	}
}

// TestPutBack checks that an object whose slot was cancelled is the first in its line.
func TestPutBack(t *testing.T) {
	l := newLineup()
	l.useHeadStart(t, "a", "b")
	l.push("a/1", "a/2", "b/1")
	p := l.queue.pop(anybody, l.now)
	l.pass(time.Second)
	l.putBack(p, l.now)
	if since := p.value.since; since != begin.UnixNano() {
		t.Errorf("has waited since %d", since)
	}
	if names := strings.Join(l.pop(t, 3), " "); strings.Index(names, "a/1") > strings.Index(names, "a/2") {
		t.Error(names)
	}
}

// TestLinesAreForgotten checks that namespaces that have come and gone take no memory.
func TestLinesAreForgotten(t *testing.T) {
	l := newLineup()
	for i := range 100_000 {
		l.push("n" + strconv.Itoa(i) + "/a")
		if i%2 == 0 {
			l.pop(t, 1)
		} else {
			l.remove("n" + strconv.Itoa(i) + "/a")
		}
		l.pass(10 * time.Millisecond)
	}
	// Lines of the last second must still be remembered.
	if got := len(l.lines); got > idleLines+200 || l.early.len+l.usual.len != 0 {
		t.Errorf("%d lines, %d and %d in use", got, l.early.len, l.usual.len)
	}
}

// TestLinesAreRemembered checks that a namespace does not get a new head start because others come.
func TestLinesAreRemembered(t *testing.T) {
	l := newLineup()
	l.useHeadStart(t, "a", "b")
	l.pushMany("a", 5)
	for i := range 10 * idleLines {
		l.push("n" + strconv.Itoa(i) + "/a")
		l.remove("n" + strconv.Itoa(i) + "/a")
	}
	l.pushMany("b", 5)
	if got := l.popNamespaces(t, 6); got != "ababab" {
		t.Error(got)
	}
}

// TestPausedNamespace checks that objects in a paused namespace get no turn, and keep their place.
func TestPausedNamespace(t *testing.T) {
	l := newLineup()
	l.useHeadStart(t, "a", "b")
	l.pushMany("a", 3)
	l.pause("a")
	l.pushMany("b", 2)
	l.push("a/late")
	l.pushIn(fresh, "a/new")
	if got := l.popNamespaces(t, 2); got != "bb" || l.hasTurns(anybody) {
		t.Errorf("%s, and there are turns: %t", got, l.hasTurns(anybody))
	}
	l.remove("a/0")
	l.resume("a")
	l.resume("a") // a second time changes nothing
	if got := strings.Join(l.pop(t, 4), " "); got != "a/new a/1 a/2 a/late" || l.len() != 0 {
		t.Errorf("%s, and %d more", got, l.len())
	}
}
