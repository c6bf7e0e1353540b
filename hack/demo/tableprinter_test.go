package main

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestTablePrinterKeepsItsColumns(t *testing.T) {
	var got []string
	p := tablePrinter{print: func(line string) { got = append(got, line) }}
	p.add(metav1.Table{
		ColumnDefinitions: []metav1.TableColumnDefinition{{Name: "Name"}, {Name: "Message", Priority: 1},
			{Name: "Reason"}, {Name: "Attempts"}},
		Rows: []metav1.TableRow{{Cells: []any{"a-long-name", "wide only", nil, 1.0}}},
	})
	p.add(metav1.Table{Rows: []metav1.TableRow{{Cells: []any{"short", "wide only", "LoggedOut", 2.0}}}})
	want := []string{
		"NAME          REASON      ATTEMPTS",
		"a-long-name               1",
		"short         LoggedOut   2",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
