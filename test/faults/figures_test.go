package faults

import (
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"
)

// figures is a table of what a test has measured. It is logged when the test is over.
type figures struct{ table *tabwriter.Writer }

func newFigures(t *testing.T, columns ...any) figures {
	var text strings.Builder
	f := figures{tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)}
	f.row(columns...)
	t.Cleanup(func() {
		_ = f.table.Flush() // to memory
		t.Log("\n" + text.String())
	})
	return f
}

func (f figures) row(cells ...any) {
	for _, cell := range cells {
		fmt.Fprintf(f.table, "%v\t", cell)
	}
	fmt.Fprintln(f.table)
}
