// Package soak runs the operator for a long time, while logouts come and go and faults occur at random, and measures
// its resource usage. test/faults tests faults at named moments; this package looks for leaks.
//
//	make soak   # half an hour; go test ./test/soak is a run of seconds
package soak

import (
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/logout-operator/logout-operator/test/harness/figures"
)

// Phase of a run.
type Phase string

// The phases, one after the other.
const (
	Idle   Phase = "idle"   // the operator has started, and there is nothing to do
	Steady Phase = "steady" // logouts and faults
	Calm   Phase = "calm"   // neither; all logouts have finished
	Killed Phase = "killed" // logouts, faults, and one process after the other, each ended by a signal
)

// Record is the stored result of a run.
type Record struct {
	Date, Go string
	System   string // operating system and architecture
	Cores    int
	// Seed of all random choices.
	Seed uint64
	// Minutes that the run should take.
	Minutes float64
	Passed  bool
	Figures []figures.Figure
	Faults  []Fault
	Samples []Sample `json:"-"` // one on each line
}

// Fault is a fault that lasts for a while. Times are seconds since the beginning.
type Fault struct {
	What     string
	From, To float64
}

// Sample is the operator's resource usage at a time.
type Sample struct {
	Second float64
	Phase  Phase
	RSS    int64 // bytes
	// Goroutines are 0 if they are unknown: the operator asks the API server to review the token.
	OpenFiles, Threads, Goroutines int
	// Waiting is how many logouts had not finished.
	Waiting int
}

// Write writes the record as lines of JSON.
func (r Record) Write(to io.Writer) error {
	encoder := json.NewEncoder(to)
	err := encoder.Encode(r)
	for _, s := range r.Samples {
		err = errors.Join(err, encoder.Encode(s))
	}
	return err
}

// Read reads a record.
func Read(from io.Reader) (r Record, err error) {
	decoder := json.NewDecoder(from)
	if err := decoder.Decode(&r); err != nil {
		return r, err
	}
	for {
		var s Sample
		switch err := decoder.Decode(&s); err {
		case nil:
			r.Samples = append(r.Samples, s)
		case io.EOF:
			return r, nil
		default:
			return r, err
		}
	}
}

// In returns the samples of a phase.
func (r Record) In(p Phase) []Sample {
	return slices.DeleteFunc(slices.Clone(r.Samples), func(s Sample) bool { return s.Phase != p })
}

// Thirds returns the medians of the middle and the last third of the samples, without unknown values (0). A leak makes
// the last higher than the middle, however much both vary.
func Thirds[V int | int64](samples []Sample, value func(Sample) V) (middle, last V) {
	n := len(samples)
	return Median(samples[n/3:2*n/3], value), Median(samples[2*n/3:], value)
}

// Median returns the median of the known values, or 0.
func Median[V int | int64](samples []Sample, value func(Sample) V) V {
	var values []V
	for _, s := range samples {
		if v := value(s); v != 0 {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}
