package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"
)

// report holds all measurements.
type report struct {
	Date, Go      string
	Cores, Rounds int

	Comparisons []comparison
	Cost        cost
	Latency     latency
	Weights     []weightLine
}

// pair is a round of each side, one after the other.
type pair struct{ operator, bareLoop round }

// comparison is the throughput of both sides, in objects a second. The ratio is the median of the pairs' ratios, not
// the ratio of the medians: the speed of a shared machine changes from minute to minute, but hardly within a pair.
type comparison struct {
	Workers, Objects          int
	ServiceLatency            time.Duration
	Operator, BareLoop, Ratio float64
}

func newComparison(set setting, pairs []pair) comparison {
	c := comparison{Workers: set.workers, Objects: set.objects, ServiceLatency: set.latency}
	c.Operator = median(pairs, func(p pair) float64 { return p.operator.throughput })
	c.BareLoop = median(pairs, func(p pair) float64 { return p.bareLoop.throughput })
	c.Ratio = median(pairs, func(p pair) float64 { return p.operator.throughput / p.bareLoop.throughput })
	return c
}

func (c comparison) String() string {
	return fmt.Sprintf("%2d workers, service takes %4s: operator %6.1f objects/s, bare loop %6.1f, ratio %.2f",
		c.Workers, c.ServiceLatency, c.Operator, c.BareLoop, c.Ratio)
}

// cost is the cost of one object, with the most workers and a service that answers at once.
type cost struct {
	Workers, Objects                    int // in one round
	Reads, StatusWrites, Events, Others float64
	Refused                             float64 // of these requests
	BareLoopWrites                      float64
	CPU, BareLoopCPU                    time.Duration
	CPURatio                            float64
	PeakRSS, BareLoopPeakRSS            int64
}

func newCost(pairs []pair, settings []setting) cost {
	c := cost{}
	for _, set := range settings {
		if set.latency == 0 {
			c.Workers, c.Objects = set.workers, set.objects
		}
	}
	each := func(what func(pair) int) float64 {
		return median(pairs, func(p pair) float64 { return float64(what(p)) / float64(c.Objects) })
	}
	c.Reads = each(func(p pair) int { return p.operator.Reads })
	c.StatusWrites = each(func(p pair) int { return p.operator.StatusWrites })
	c.Events = each(func(p pair) int { return p.operator.Events })
	c.Others = each(func(p pair) int { return p.operator.Others })
	c.Refused = each(func(p pair) int { return p.operator.Refused })
	c.BareLoopWrites = each(func(p pair) int { return p.bareLoop.StatusWrites })
	c.CPU = time.Duration(each(func(p pair) int { return int(p.operator.cpu) }))
	c.BareLoopCPU = time.Duration(each(func(p pair) int { return int(p.bareLoop.cpu) }))
	c.CPURatio = float64(c.CPU) / float64(c.BareLoopCPU)
	c.PeakRSS = int64(median(pairs, func(p pair) float64 { return float64(p.operator.usage.PeakRSS) }))
	c.BareLoopPeakRSS = int64(median(pairs, func(p pair) float64 { return float64(p.bareLoop.usage.PeakRSS) }))
	return c
}

func (c cost) String() string {
	return fmt.Sprintf(
		"an object, %d workers: %.2f reads, %.2f status writes, %.2f events, %.2f others (%.2f refused); bare loop %.2f status writes\n"+
			"CPU: operator %s, bare loop %s, ratio %.2f\npeak RSS: operator %s MiB, bare loop %s MiB",
		c.Workers, c.Reads, c.StatusWrites, c.Events, c.Others, c.Refused, c.BareLoopWrites,
		milliseconds(c.CPU), milliseconds(c.BareLoopCPU), c.CPURatio, mebibytes(c.PeakRSS),
		mebibytes(c.BareLoopPeakRSS))
}

// latency is the time from create to logged out.
type latency struct {
	Samples  int
	P50, P99 time.Duration
	PeakRSS  int64
}

func (l latency) String() string {
	return fmt.Sprintf("create to logged out, one after the other: p50 %s, p99 %s of %d; peak RSS %s MiB",
		milliseconds(l.P50), milliseconds(l.P99), l.Samples, mebibytes(l.PeakRSS))
}

// weightLine is a weight as shown in the report.
type weightLine struct {
	Objects, Waiting int
	PeakRSS, RSS     int64
	First, All       time.Duration
	CPU              time.Duration
}

func newWeightLine(w weight) weightLine {
	return weightLine{Objects: w.finished + w.waiting, Waiting: w.waiting, PeakRSS: w.usage.PeakRSS, RSS: w.usage.RSS,
		First: w.first, All: w.all, CPU: w.usage.CPU}
}

func (w weightLine) String() string {
	return fmt.Sprintf(
		"%d objects, %d of them to be logged out: peak RSS %s MiB, at the end %s; start to first logout %s, to the last %s; CPU %s",
		w.Objects, w.Waiting, mebibytes(w.PeakRSS), mebibytes(w.RSS), seconds(w.First), seconds(w.All), seconds(w.CPU))
}

func median(pairs []pair, of func(pair) float64) float64 {
	values := make([]float64, len(pairs))
	for i, p := range pairs {
		values[i] = of(p)
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1000) }
func seconds(d time.Duration) string      { return fmt.Sprintf("%.1f s", d.Seconds()) }
func mebibytes(n int64) string            { return fmt.Sprintf("%d", n>>20) }

// write writes the report as JSON to a file; hack/report makes a page of it.
func (r *report) write(file string) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}
