package turns

import (
	"testing"
	"testing/synctest"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

const (
	limit = 10
	flood = 2000
)

// floods are the ways in which a namespace can fill the queue.
var floods = map[string]func(*Queue){
	"edits": func(q *Queue) {
		for _, key := range keysOf("flood", flood) {
			q.AddNow(key)
		}
	},
	"a backlog": func(q *Queue) { q.AddLater(keysOf("flood", flood)...) },
	"timers": func(q *Queue) {
		for _, key := range keysOf("flood", flood) {
			q.AddAfter(reconcile.Request{NamespacedName: key}, time.Minute)
		}
		<-time.After(2 * time.Minute)
	},
	"retries": func(q *Queue) {
		for _, key := range keysOf("flood", flood) {
			q.AddRateLimited(reconcile.Request{NamespacedName: key})
		}
		<-time.After(time.Minute)
	},
}

// arrivals are the ways in which an object can come.
var arrivals = map[string]func(*Queue){
	"an edit":   func(q *Queue) { q.AddNow(keyOf("victim", 0)) },
	"a backlog": func(q *Queue) { q.AddLater(keyOf("victim", 0)) },
	"a timer": func(q *Queue) {
		q.AddAfter(reconcile.Request{NamespacedName: keyOf("victim", 0)}, time.Second)
		<-time.After(2 * time.Second)
	},
}

// TestFlood checks that an object of one namespace comes after no more objects of another than are handed out already,
// however many wait, and that none of them is lost.
func TestFlood(t *testing.T) {
	for kind, fill := range floods {
		for arrival, add := range arrivals {
			t.Run(kind+" before "+arrival, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					q := newQueue(t, limit)
					fill(q)
					for range flood / 2 {
						q.Done(get(q))
					}
					add(q)
					before := reconciledBefore(q, "victim")
					if before > limit {
						t.Errorf("%d came before it", before)
					}
					for range flood/2 - before {
						q.Done(get(q))
					}
					if left := q.Len(); left > 0 {
						t.Errorf("%d are left", left)
					}
				})
			})
		}
	}
}

// TestBacklogProgresses checks that the objects of a backlog come although new edits of another namespace could take
// all the room.
func TestBacklogProgresses(t *testing.T) {
	q := newQueue(t, 1)
	floods["edits"](q)
	q.AddLater(keysOf("victim", 100)...)
	edits, most := 0, 101*maxNowInARow
	for seen := 0; seen < 100 && edits <= most; {
		object := get(q)
		q.Done(object)
		if object.Namespace == "victim" {
			seen++
			continue
		}
		q.AddNow(object.NamespacedName)
		edits++
	}
	if edits > most {
		t.Errorf("%d edits came before the end of the backlog", edits)
	}
}

// TestSlowNamespace checks that a namespace whose objects keep their workers leaves room to others, until they have got
// slots.
func TestSlowNamespace(t *testing.T) {
	q := newQueue(t, limit)
	floods["edits"](q)
	var slow []reconcile.Request
	for range limit / 2 {
		slow = append(slow, get(q))
	}
	for i := range 3 * limit {
		q.AddNow(keyOf("victim", i))
	}
	for range 3 * limit {
		object := get(q)
		if object.Namespace != "victim" {
			t.Fatalf("got %s, although %d of its namespace are not done", object, len(slow))
		}
		q.Done(object)
	}
	if left := q.Len(); left != flood-len(slow) {
		t.Errorf("%d wait", left)
	}
	for range 3 * limit {
		q.GotSlot(slow[0].NamespacedName)
		slow = append(slow[1:], get(q))
	}
}

// TestSlotsGoFirst checks that objects with slots wait for nobody, and that their timers and retries do not go first.
func TestSlotsGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, limit)
		floods["edits"](q)
		slots := keysOf("slots", 2*limit)
		for _, key := range slots {
			q.AddWithSlot(key)
		}
		for range slots {
			object, priority, _ := q.GetWithPriority()
			if object.Namespace != "slots" || priority != 0 {
				t.Errorf("got %s at priority %d", object, priority)
			}
		}
		if object := get(q); object.Namespace != "flood" {
			t.Errorf("got %s", object)
		}
	})
}

// TestInProcess checks that no two workers have an object at a time, and that one that changes while a worker has it
// comes again, once.
func TestInProcess(t *testing.T) {
	q := newQueue(t, limit)
	key := keyOf("busy", 0)
	q.AddWithSlot(key)
	object := get(q)
	for range 3 {
		q.AddNow(key)
		q.AddLater(key)
		q.Add(object) // like a timer
	}
	q.AddNow(keyOf("other", 0))
	if n := reconciledBefore(q, "other"); n > 0 {
		t.Errorf("%d came before another object", n)
	}
	q.Done(object)
	comes := 0
	for ; q.Len() > 0; comes++ {
		q.Done(get(q))
	}
	if comes < 1 || comes > 2 { // twice, if the timer ends then
		t.Errorf("it came %d times", comes)
	}
}

// TestEachOnce checks that an object waits once, however often it is added, and that nothing is kept
// of it afterwards.
func TestEachOnce(t *testing.T) {
	q := newQueue(t, limit)
	keys := keysOf("a", 1000)
	for range 3 {
		q.AddLater(keys...)
	}
	if n := q.turns.later.len; n > len(keys) {
		t.Errorf("%d wait", n)
	}
	for i := range keys {
		if ready := q.PriorityQueue.Len(); ready > limit {
			t.Fatalf("%d are handed out", ready)
		}
		object := get(q)
		if object.NamespacedName != keys[i] {
			t.Fatalf("got %s, want %s", object, keys[i])
		}
		q.Done(object)
	}
	for q.Len() > 0 { // those that were handed out when they were added again
		q.Done(get(q))
	}
	if n := len(q.turns.held) + len(q.turns.outOf) + len(q.turns.later.lines) + len(q.turns.now.lines); n > 0 {
		t.Errorf("%d are kept", n)
	}
}
