// Package soak runs the operator for long, under logouts that come and go and faults that come by chance, and looks at what
// it takes of the machine meanwhile. Faults at named moments are those of test/faults; here it is what adds up that counts.
//
//	make soak   # half an hour; go test ./test/soak is a run of seconds
package soak

import (
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/logout-operator/logout-operator/test/figures"
)

// Phase of a run.
type Phase string

// The phases, one after the other.
const (
	Idle   Phase = "idle"   // the operator has started, and there is nothing to do
	Steady Phase = "steady" // logouts and faults
	Calm   Phase = "calm"   // neither; all logouts have finished
	Killed Phase = "killed" // logouts, faults, and one process after the other, which ends by a signal
)

// Record is what is kept of a run.
type Record struct {
	Date, Go string
	System   string // operating system and architecture
	Cores    int
	// Seed of all that came by chance.
	Seed uint64
	// Minutes that it was to take.
	Minutes float64
	Passed  bool
	Figures []figures.Figure
	Faults  []Fault
	Samples []Sample `json:"-"` // a line each
}

// Fault is one of those that last for a while. Times are seconds since the beginning.
type Fault struct {
	What     string
	From, To float64
}

// Sample is what the operator took at a time.
type Sample struct {
	Second float64
	Phase  Phase
	RSS    int64 // bytes
	// Goroutines are 0 if they are not known: the operator asks the API server who may ask it.
	OpenFiles, Threads, Goroutines int
	// Waiting is how many logouts had not finished.
	Waiting int
}

// Write writes the record, in lines of JSON.
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

// Thirds returns the medians of the middle and the last third of the samples. A value of 0 is not known, and left out.
// What adds up makes the last higher than the middle, however much both go up and down.
func Thirds[V int | int64](samples []Sample, value func(Sample) V) (middle, last V) {
	n := len(samples)
	return Median(samples[n/3:2*n/3], value), Median(samples[2*n/3:], value)
}

// Median returns the median of the values that are known, or 0.
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
