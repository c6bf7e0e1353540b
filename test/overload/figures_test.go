package overload

import (
	"cmp"
	"fmt"
	"io"
	"testing"
	"text/tabwriter"
	"time"
)

// measured is every figure of every scenario so far, a row each. Scenarios run one after the other.
var measured [][]string

// figure is something that can be measured: a count, a share or a time.
type figure interface {
	int | float64 | time.Duration
	cmp.Ordered
}

// atMost reports a figure and fails the test if it is above the limit and asserted. Counts always are; durations are in
// the full form only, as they are also the machine's.
func atMost[F figure](t *testing.T, what string, got, limit F, asserted bool) {
	t.Helper()
	verdict := "ok"
	switch {
	case got > limit && asserted:
		verdict = "MISSED"
		t.Errorf("%s: %s, want at most %s", what, text(got), text(limit))
	case got > limit:
		verdict = "missed, not asserted"
	}
	row(t, what, text(got), "≤ "+text(limit), verdict)
}

// note reports a figure that has no limit.
func note[F figure](t *testing.T, what string, got F) {
	t.Helper()
	row(t, what, text(got), "", "")
}

func row(t *testing.T, what, got, limit, verdict string) {
	t.Helper()
	measured = append(measured, []string{t.Name(), what, got, limit, verdict})
	t.Logf("%s: %s %s %s", what, got, limit, verdict)
}

func text[F figure](f F) string {
	switch v := any(f).(type) {
	case time.Duration:
		return v.Round(time.Millisecond).String()
	case float64:
		return fmt.Sprintf("%.2f %%", 100*v)
	}
	return fmt.Sprint(f)
}

// printFigures prints the table of all figures.
func printFigures(to io.Writer) {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "scenario\tfigure\tmeasured\tlimit\t")
	for _, r := range measured {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r[0], r[1], r[2], r[3], r[4])
	}
	_ = table.Flush() // nobody to tell
}
