// Package figures records the measurements of tests, to show them as a table and to build a report from them.
package figures

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

var file = flag.String("figures", "", "a file that every figure is appended to, as a line of JSON")

// Figure is one measurement of a scenario.
type Figure struct {
	// Scenario is the name of the test.
	Scenario string
	// What was measured, and the result.
	What, Measured string
	// Limit of the figure; empty if it has none.
	Limit string `json:",omitempty"`
	// Missed is whether the figure exceeds its limit.
	Missed bool `json:",omitempty"`
	// Asserted is whether the test fails in that case.
	Asserted bool `json:",omitempty"`
}

// Value is a measurable quantity: a count, a share or a time.
type Value interface {
	int | float64 | time.Duration
	cmp.Ordered
}

var (
	mu  sync.Mutex
	all []Figure
)

// AtMost records a figure, and fails the test if it is above the limit and asserted. Counts are always asserted;
// durations only on a quiet machine, because they also depend on the machine.
func AtMost[V Value](t testing.TB, what string, got, limit V, asserted bool) {
	t.Helper()
	missed := got > limit
	if missed && asserted {
		t.Errorf("%s: %s, want at most %s", what, text(got), text(limit))
	}
	keep(t, Figure{t.Name(), what, text(got), "≤ " + text(limit), missed, asserted})
}

// Note records a figure that has no limit.
func Note[V Value](t testing.TB, what string, got V) {
	t.Helper()
	keep(t, Figure{Scenario: t.Name(), What: what, Measured: text(got)})
}

// keep writes a figure at once, because a test may be killed before it ends.
func keep(t testing.TB, f Figure) {
	t.Helper()
	t.Logf("%s: %s %s", f.What, f.Measured, f.verdict())
	mu.Lock()
	defer mu.Unlock()
	all = append(all, f)
	if *file == "" {
		return
	}
	line, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.OpenFile(*file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = out.Write(append(line, '\n'))
		if closed := out.Close(); err == nil {
			err = closed
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (f Figure) verdict() string {
	switch {
	case f.Limit == "":
		return ""
	case !f.Missed:
		return "ok"
	case f.Asserted:
		return "MISSED"
	}
	return "missed, not asserted"
}

func text[V Value](v V) string {
	switch v := any(v).(type) {
	case time.Duration:
		return v.Round(time.Millisecond).String()
	case float64:
		return fmt.Sprintf("%.2f %%", 100*v)
	}
	return fmt.Sprint(v)
}

// All returns all figures so far.
func All() []Figure {
	mu.Lock()
	defer mu.Unlock()
	return slices.Clone(all)
}

// Print prints a table of all figures so far.
func Print(to io.Writer) {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "scenario\tfigure\tmeasured\tlimit\t")
	for _, f := range All() {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", f.Scenario, f.What, f.Measured, f.Limit, f.verdict())
	}
	_ = table.Flush() // there is nobody to report an error to
}

// Read returns the figures of a file that tests have appended to.
func Read(from io.Reader) (read []Figure, err error) {
	for decoder := json.NewDecoder(from); ; {
		var f Figure
		switch err := decoder.Decode(&f); err {
		case nil:
			read = append(read, f)
		case io.EOF:
			return read, nil
		default:
			return nil, err
		}
	}
}
