package soak

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// Limits of what may remain when all logouts have finished and their connections have timed out.
const (
	growthAllowed     = 0.15 // of the median memory, from the middle third of the steady phase to the last
	goroutinesAllowed = 10   // above those before the first logout
	filesAllowed      = 5    // above those before the first logout
)

// run is one whole run.
type run struct {
	scale
	api      *apiproxy.Proxy
	operator *operator
	ledger   *ledger
	sampler  *sampler
	load     *load
	trouble  *trouble
	writes   *badWrites
	sigkills int
	sigterms []time.Duration // how long each took
}

// TestSoak: a process that keeps running leaks nothing, whatever fails around it; every object finishes; and a call
// that succeeded is repeated only if the process died before it could store the outcome.
func TestSoak(t *testing.T) {
	if _, err := operatortest.UsageOf(os.Getpid()); errors.Is(err, os.ErrNotExist) {
		t.Skip("no /proc here")
	}
	r := newRun(t)
	sampling, stop := context.WithCancel(t.Context())
	var sampled errgroup.Group
	sampled.Go(func() error { r.sampler.run(sampling, r.sample); return nil })

	r.stayIdle(t)
	r.staySteady(t)
	r.stayCalm(t)
	r.beKilled(t)
	stop()
	_ = sampled.Wait() // it returns no errors

	r.judge(t)
	r.keep(t)
}

func newRun(t *testing.T) *run {
	t.Helper()
	newService(t)
	r := &run{scale: scaleOf(*length)}
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("-seed %d", *seed)
	chance := func(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(*seed, stream)) }
	r.api = apiproxy.New(t, cluster.Config)
	r.ledger = keepLedger(t, tenant)
	r.operator = newOperator(t, r.api, "--call-timeout=4s", "--visibility-timeout=8s")
	r.sampler = &sampler{operator: r.operator, ledger: r.ledger, began: time.Now(), phase: Idle}
	r.load = &load{ledger: r.ledger, chance: chance(1), pace: r.pace, most: r.most, ttl: r.ttl}
	r.writes = &badWrites{chance: chance(2)}
	r.trouble = &trouble{chance: chance(3), faults: faults(t, r.api), longest: r.longest, pause: r.pause,
		note: func(what string, from, to time.Time) {
			t.Logf("%s: %s, %s; %d waiting", from.Format(time.TimeOnly), what, to.Sub(from).Round(time.Millisecond),
				r.ledger.unfinished())
			r.sampler.note(what, from, to)
		}}
	if err := r.operator.start(cluster.Binary); err != nil {
		t.Fatal(err)
	}
	return r
}

// stayIdle makes the operator log one user out, so that all of its parts have started, and then gives it nothing to do.
func (r *run) stayIdle(t *testing.T) {
	if err := r.load.create(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	r.ledger.awaitFinished(t)
	wait(t.Context(), r.idle)
}

// staySteady creates logouts and faults, and gives the operator time to recover from the last fault.
func (r *run) staySteady(t *testing.T) {
	before, err := r.operator.now().Usage()
	if err != nil {
		t.Fatal(err)
	}
	users, began := r.load.users, time.Now()
	r.sampler.enter(Steady)
	r.play(t, r.steady, nil, nil)
	r.sampler.enter(Calm) // so that the last third contains no idle time
	after, err := r.operator.now().Usage()
	if err != nil {
		t.Fatal(err)
	}
	cpu := (after.CPU - before.CPU) / time.Duration(r.load.users-users)
	figures.Note(t, "CPU of the operator for a logout", cpu)
	figures.Note(t, "logouts a second, from their creation",
		int(float64(r.load.users-users)/time.Since(began).Seconds()+0.5))
}

// stayCalm waits until all logouts have finished and the TTL has deleted the last, and until the connections for them,
// which are kept for 90 s, have been closed.
func (r *run) stayCalm(t *testing.T) {
	ended := time.Now()
	r.ledger.awaitFinished(t)
	figures.Note(t, "time from the last fault until all logouts had finished", time.Since(ended))
	wait(t.Context(), r.calm)
}

// beKilled ends one process after the other: with SIGKILL during faults, with either signal between them.
func (r *run) beKilled(t *testing.T) {
	r.sampler.enter(Killed)
	if err := r.terminate(); err != nil {
		t.Fatal(err)
	}
	if err := r.operator.start(raceBinary); err != nil {
		t.Fatal(err)
	}
	r.trouble.pause /= 4
	kill := func() error {
		r.sigkills++
		d := r.operator.kill()
		r.ledger.state.Change(func() { r.ledger.deaths = append(r.ledger.deaths, d) })
		r.sampler.note("SIGKILL", d.from, d.to)
		return r.operator.start(raceBinary)
	}
	inFault := func(context.Context) error {
		if r.sigkills > 0 && r.trouble.chance.IntN(2) == 0 {
			return nil
		}
		return kill()
	}
	r.play(t, r.killed, inFault, func(ctx context.Context) error {
		// Wait until it has made a call.
		if err := service.WaitForCalls(ctx, service.Calls("", "")+1); err != nil ||
			!wait(ctx, r.trouble.some(r.pause)) {
			return nil
		}
		if r.trouble.chance.IntN(2) == 0 {
			return kill()
		}
		return errors.Join(r.terminate(), r.operator.start(raceBinary))
	})
	r.ledger.awaitFinished(t)
}

func (r *run) terminate() error {
	began := time.Now()
	err := r.operator.terminate()
	r.sigterms = append(r.sigterms, time.Since(began))
	r.sampler.note("SIGTERM", began, time.Now())
	return err
}

// play creates logouts and faults for this time.
func (r *run) play(t *testing.T, long time.Duration, during, between func(context.Context) error) {
	t.Helper()
	ctx, end := context.WithTimeout(t.Context(), long)
	defer end()
	r.api.Choose(r.writes.choose)
	defer r.api.Choose(nil)
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { return r.load.run(ctx) })
	both.Go(func() error { return r.trouble.run(ctx, during, between) })
	if err := both.Wait(); err != nil {
		t.Fatal(err)
	}
}

// judge checks all results.
func (r *run) judge(t *testing.T) {
	t.Helper()
	var v verdict
	r.ledger.state.Look(func() { v = judge(r.ledger.members, service.Journal(), r.ledger.deaths) })
	for _, example := range v.examples {
		t.Log(example)
	}
	figures.Note(t, "logouts", v.objects)
	figures.Note(t, "of them deleted by the test, some in mid-attempt", v.deleted)
	figures.Note(t, "of them created under the name of one just deleted", r.load.recreated)
	figures.Note(t, "calls", service.Calls("", ""))
	figures.Note(t, "faults that last", len(r.sampler.faults)-r.sigkills-len(r.sigterms))
	figures.Note(t, "claims and outcomes lost, refused or not answered", r.writes.count)
	figures.Note(t, "SIGKILLs", r.sigkills)
	figures.Note(t, "SIGTERMs", len(r.sigterms))
	figures.Note(t, "longest time from SIGTERM to the end", slices.Max(r.sigterms))
	figures.Note(t, "calls repeated as the process was killed before their outcome was stored",
		v.repeated-v.unexplained)
	figures.AtMost(t, "calls repeated for another reason", v.unexplained, 0, true)
	figures.AtMost(t, "logouts that have not finished as they should", v.lost, 0, true)
	figures.AtMost(t, "outcomes stored on another object", v.foreign, 0, true)
	figures.AtMost(t, "data races", r.operator.printed.Races(), 0, true)

	record := Record{Samples: r.sampler.samples}
	steady, calm := record.In(Steady), record.In(Calm)
	rss := func(s Sample) int64 { return s.RSS }
	middle, last := Thirds(steady, rss)
	figures.Note(t, "memory in MiB, median of the middle third", int(middle>>20))
	figures.Note(t, "memory in MiB, median of the last third", int(last>>20))
	figures.AtMost(t, "growth of memory from the middle third to the last", float64(last)/float64(middle)-1,
		growthAllowed, r.asserted)
	for _, c := range []struct {
		what    string
		of      func(Sample) int
		allowed int
	}{
		{"goroutines", func(s Sample) int { return s.Goroutines }, goroutinesAllowed},
		{"open files", func(s Sample) int { return s.OpenFiles }, filesAllowed},
	} {
		base := Median(record.In(Idle), c.of)
		middle, last := Thirds(steady, c.of)
		figures.Note(t, c.what+" before the first logout", base)
		figures.Note(t, c.what+", median of the middle third", middle)
		figures.Note(t, c.what+", median of the last third", last)
		figures.AtMost(t, c.what+" after the last logout, above those before the first", c.of(calm[len(calm)-1])-base,
			c.allowed, r.asserted)
	}
	threads := func(s Sample) int { return s.Threads }
	figures.Note(t, "threads before the first logout", Median(record.In(Idle), threads))
	figures.Note(t, "threads after the last logout", threads(calm[len(calm)-1]))
}

// keep writes the record.
func (r *run) keep(t *testing.T) {
	if *out == "" {
		return
	}
	file, err := os.Create(*out)
	if err != nil {
		t.Fatal(err)
	}
	record := Record{
		Date: time.Now().UTC().Format(time.DateOnly), Go: runtime.Version(),
		System: runtime.GOOS + "/" + runtime.GOARCH,
		Cores:  runtime.NumCPU(), Seed: *seed, Minutes: length.Minutes(), Passed: !t.Failed(),
		Figures: figures.All(), Faults: r.sampler.faults, Samples: r.sampler.samples,
	}
	if err := errors.Join(record.Write(file), file.Close()); err != nil {
		t.Fatal(err)
	}
}

// scale is how long everything takes in a run of a given length.
type scale struct {
	idle, steady, calm, killed time.Duration
	sample                     time.Duration
	longest, pause             time.Duration // of faults
	pace                       time.Duration
	most                       int
	ttl                        int32
	asserted                   bool
}

func scaleOf(long time.Duration) scale {
	s := scale{
		idle: long / 60, killed: max(long/8, 5*time.Second),
		sample:  min(max(long/360, 200*time.Millisecond), 5*time.Second),
		longest: min(long/12, 8*time.Second), pause: min(long/10, 12*time.Second),
		pace: 50 * time.Millisecond, most: min(int(long.Seconds()*10), 3000),
		ttl:      int32(min(long/10, 20*time.Second).Seconds()),
		asserted: long >= 5*time.Minute,
	}
	s.calm = time.Duration(s.ttl)*time.Second + 100*time.Second
	if !s.asserted {
		s.calm = time.Second
	}
	s.steady = max(long-s.idle-s.calm-s.killed, long/2)
	return s
}
