// Command bench compares the operator with a bare loop over the same two status writes and the same signed call, both
// as a process of their own against the same API server and service, and measures what resources the operator needs
// with many objects. It ends with an error if an object did not finish or was not called for exactly once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/logout-operator/logout-operator/test/harness/figures"
)

// defaultWorkers is the default of the operator's --workers.
const defaultWorkers = 50

// plan is what to measure.
type plan struct {
	rounds   int // of each side with each setting, alternately
	settings []setting
	samples  int    // of the latency
	loads    []load // each adds to the objects of those before it
}

// A round takes three to ten seconds on two cores, and the whole plan twenty minutes. With many workers a round has to
// be that long, because either side's startup work overlaps with the first calls for a second.
var full = plan{
	rounds: 5,
	settings: []setting{
		{1, 0, 400}, {10, 0, 1000}, {50, 0, 2000},
		{1, 50 * time.Millisecond, 60}, {10, 50 * time.Millisecond, 700}, {50, 50 * time.Millisecond, 2000},
	},
	samples: 200,
	loads:   []load{{0, 2000}, {2000, 18000}, {99000, 1000}},
}

var quick = plan{
	rounds:   1,
	settings: []setting{{1, 0, 150}, {50, 0, 500}, {10, 50 * time.Millisecond, 300}},
	samples:  30,
	loads:    []load{{0, 1000}},
}

func main() {
	ctrl.SetLogger(logr.Discard()) // the control plane's code complains without a logger
	what := full
	isQuick := flag.Bool("quick", false, "measure less, once, in a minute")
	out := flag.String("out", "", "a file to write the measurements to, as JSON")
	flag.Parse()
	if *isQuick {
		what = quick
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, what, *out)
	if ctx.Err() != nil {
		err = context.Cause(ctx) // other errors are consequences of it
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, what plan, out string) (err error) {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p, err := build(ctx, dir)
	if err != nil {
		return err
	}
	r := &report{Date: time.Now().UTC().Format(time.DateOnly), Cores: runtime.NumCPU(), Go: runtime.Version(),
		Rounds: what.rounds}
	if err := onStage(ctx, p, true, func(s *stage) error { return r.compare(ctx, s, what) }); err != nil {
		return err
	}
	if err := onStage(ctx, p, false, func(s *stage) error { return r.weigh(ctx, s, what.loads) }); err != nil {
		return err
	}
	if out == "" {
		return nil
	}
	return r.write(out)
}

// onStage runs do on a stage of its own.
func onStage(ctx context.Context, p programs, audited bool, do func(*stage) error) error {
	s, err := newStage(ctx, p, audited)
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.close())
}

// compare measures the two sides alternately, so that other load on the machine affects both.
func (r *report) compare(ctx context.Context, s *stage, what plan) error {
	fmt.Printf("%d cores, %s\n\n", r.Cores, r.Go)
	var busiest []pair
	for _, set := range what.settings {
		var pairs []pair
		for range what.rounds {
			ours, err := s.play(ctx, operator, set)
			if err != nil {
				return err
			}
			bare, err := s.play(ctx, bareLoop, set)
			if err != nil {
				return err
			}
			pairs = append(pairs, pair{ours, bare})
		}
		c := newComparison(set, pairs)
		r.Comparisons = append(r.Comparisons, c)
		fmt.Println(c)
		if set.latency == 0 {
			busiest = pairs // the settings are in order of the number of workers
		}
	}
	r.Cost = newCost(busiest, what.settings)
	fmt.Printf("\n%s\n", r.Cost)

	all, usage, err := s.latencies(ctx, what.samples)
	if err != nil {
		return err
	}
	r.Latency = latency{Samples: len(all), P50: figures.Quantile(all, 0.5), P99: figures.Quantile(all, 0.99), PeakRSS: usage.PeakRSS}
	fmt.Printf("\n%s\n\n", r.Latency)
	return nil
}

// weigh measures the operator with one load after the other.
func (r *report) weigh(ctx context.Context, s *stage, loads []load) error {
	present := 0
	for _, l := range loads {
		w, err := s.weigh(ctx, present, l)
		if err != nil {
			return err
		}
		present = l.finished + l.waiting
		r.Weights = append(r.Weights, newWeightLine(w))
		fmt.Println(r.Weights[len(r.Weights)-1])
	}
	return nil
}
