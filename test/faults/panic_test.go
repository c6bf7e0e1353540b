package faults

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/figures"
)

// panicDirectory names the directory in which an operator records where it has panicked.
const panicDirectory = "FAULTS_PANICS"

// The test adds this to the operator's controllers. Each object panics once at each point, even if the process
// restarts.
const panicSource = `package controllers

import (
	"os"
	"path/filepath"
	"strings"
)

func panicAt(point, name string) {
	if !strings.Contains(name, "-"+point+"-") {
		return
	}
	note, err := os.OpenFile(filepath.Join(os.Getenv("` + panicDirectory + `"), name), os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return
	}
	_ = note.Close()
	panic("planned: " + point)
}
`

// panicPoints are the steps of an attempt: the source line before which the panic occurs, the object at that line, and
// the calls and attempts that an object takes in total.
var panicPoints = []struct {
	name, file, at, object string
	calls, attempts        int
}{
	{"before-the-claim", "attempt.go", "\ta := attempt{", "obj", 1, 1},
	{"after-the-claim", "attempt.go", "\tstatus := r.call(ctx, a)\n", "a.claim", 1, 2},
	{"in-the-call", "attempt.go", "\tfailure := failureOf(ctx, err)\n", "a.claim", 2, 2},
	{"before-the-outcome", "attempt.go", "\treturn r.settle(ctx, outcome{a.claim, obj.Status, status})\n",
		"a.claim", 2, 2},
	{"after-the-outcome", "outcome.go", "\tr.announce(o.claim, o.before, o.status)\n", "o.claim", 1, 1},
}

// calledUp is a point outside of any reconcile: a panic there ends the process.
const calledUp = "called-up"

func buildWithPanics(t *testing.T) (program string) {
	t.Helper()
	o, controllers := newOverlay(t), filepath.Join(moduleRoot(t), "controllers")
	changes := map[string][]string{}
	for _, p := range panicPoints {
		changes[p.file] = append(changes[p.file], p.at, "\tpanicAt(\""+p.name+"\", "+p.object+".Name)\n"+p.at)
	}
	for file, inFile := range changes {
		o.change(t, filepath.Join(controllers, file), inFile...)
	}
	const enqueue = "\tw.enqueue(func(q *turns.Queue) { q.AddWithSlot(key) })\n"
	o.change(t, filepath.Join(controllers, "wakeups.go"), enqueue, "\tpanicAt(\""+calledUp+"\", key.Name)\n"+enqueue)
	o.write(t, filepath.Join(controllers, "panic_at.go"), panicSource)
	return o.build(t, "-race=true")
}

// panics returns how many panics there were so far.
func panics(t *testing.T, dir string) int {
	t.Helper()
	notes, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(notes)
}

// TestPanic: a panic at any step of an attempt costs that attempt and nothing else. The slot is released, even that of
// a probe, the operator continues with the object, and it can still stop. A panic outside of a reconcile ends the
// process, and the next process continues.
func TestPanic(t *testing.T) {
	const objects = 25 // more than there are workers and slots
	program, dir := buildWithPanics(t), t.TempDir()
	t.Setenv(panicDirectory, dir)
	o := start(t, common(), program)
	base := startedBase(t, o)
	t.Run("in an attempt", func(t *testing.T) {
		for _, p := range panicPoints {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				e := newEndpoint(t, common())
				e.sign(t, validKeys[0])
				all := e.create(t, objects)
				figures.AtMost(t, "repeats", e.verify(t, all...), objects*(p.calls-1), true)
				for _, obj := range all {
					status := e.awaitFinished(t, obj)
					if calls := e.Calls(account, obj.Spec.UserID); calls != p.calls ||
						int(status.Attempts) != p.attempts {
						t.Errorf("%s: %d calls, %d attempts, want %d, %d", obj.Name, calls, status.Attempts, p.calls,
							p.attempts)
					}
				}
			})
		}
	})
	if got, want := panics(t, dir), objects*len(panicPoints); got != want {
		t.Errorf("%d panics, want %d", got, want)
	}
	base.verify(t)
	o.SendTerm(t)
	if code := o.AwaitExit(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	t.Run(calledUp, func(t *testing.T) { panicCalledUp(t, program, dir) })
}

// panicCalledUp makes every object that gets its slot end the process once.
func panicCalledUp(t *testing.T, program, dir string) {
	e := newEndpoint(t, common())
	e.limit = limit{20, 1}
	e.at(t, e.URL)
	e.sign(t, validKeys[0])
	all := e.create(t, 4)
	before, started := panics(t, dir), time.Now()
	finished := make(chan int)
	go func() { finished <- e.verify(t, all...) }()
	for starts := 1; ; starts++ {
		o := start(t, common(), program)
		select {
		case repeats := <-finished:
			// A panic that ends the process can interrupt another object's call. Only one call is in flight at a time,
			// because each process begins with a probe.
			died := panics(t, dir) - before
			figures.Note(t, "processes that panicked", died)
			figures.AtMost(t, "repeats", repeats, died, true)
			figures.Note(t, "time until all were logged out", time.Since(started))
			if starts == 1 {
				t.Error("no process panicked")
			}
			return
		case <-o.Exited():
			if code := o.ExitCode(); code != 2 {
				t.Fatalf("exit code %d, want that of a panic, 2", code)
			}
		case <-time.After(await.Patience):
			t.Fatal("waited for the objects in vain")
		}
	}
}
