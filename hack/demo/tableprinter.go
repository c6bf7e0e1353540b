package main

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// minWidth fits most values, so that few columns grow between two rows.
const minWidth = 9

// tablePrinter prints tables that arrive in pieces. It remembers how wide its columns were, as kubectl does, which
// text/tabwriter cannot.
type tablePrinter struct {
	print   func(line string)
	columns []metav1.TableColumnDefinition
	widths  map[int]int
}

// add prints the rows of a piece. Only the first piece of a watch has the columns.
func (p *tablePrinter) add(piece metav1.Table) {
	var lines [][]any
	if len(piece.ColumnDefinitions) > 0 {
		p.columns, p.widths = piece.ColumnDefinitions, map[int]int{}
		var header []any
		for _, c := range p.columns {
			header = append(header, strings.ToUpper(c.Name))
		}
		lines = append(lines, header)
	}
	for _, row := range piece.Rows {
		lines = append(lines, row.Cells)
	}
	for _, cells := range lines {
		p.each(cells, func(column int, cell string) { p.widths[column] = max(p.widths[column], len(cell), minWidth) })
	}
	for _, cells := range lines {
		var line strings.Builder
		p.each(cells, func(column int, cell string) { fmt.Fprintf(&line, "%-*s   ", p.widths[column], cell) })
		p.print(strings.TrimRight(line.String(), " "))
	}
}

// each visits the cells that are shown without -o wide.
func (p *tablePrinter) each(cells []any, visit func(column int, cell string)) {
	for i, cell := range cells[:min(len(cells), len(p.columns))] {
		if p.columns[i].Priority > 0 {
			continue
		}
		if cell == nil {
			cell = ""
		}
		visit(i, fmt.Sprint(cell))
	}
}
