package e2e

import (
	"fmt"
	"io"
	"slices"
	"testing"
	"text/tabwriter"
	"time"
)

// measured has a row for every figure so far.
var measured [][]string

// note records a figure.
func note(t *testing.T, what string, got any) {
	t.Helper()
	measured = append(measured, []string{t.Name(), what, text(got)})
	t.Logf("%s: %s", what, text(got))
}

// noteSpread records the median and the maximum of some times.
func noteSpread(t *testing.T, what string, times []time.Duration) {
	t.Helper()
	if len(times) == 0 {
		return
	}
	sorted := slices.Sorted(slices.Values(times))
	note(t, what, fmt.Sprintf("p50 %s, max %s, of %d", text(sorted[(len(sorted)-1)/2]), text(sorted[len(sorted)-1]),
		len(sorted)))
}

func text(figure any) string {
	if d, ok := figure.(time.Duration); ok {
		return d.Round(10 * time.Millisecond).String()
	}
	return fmt.Sprint(figure)
}

// printFigures prints the table of all figures.
func printFigures(to io.Writer) {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, r := range measured {
		fmt.Fprintf(table, "%s\t%s\t%s\n", r[0], r[1], r[2])
	}
	_ = table.Flush() // there is nobody to report an error to
}
