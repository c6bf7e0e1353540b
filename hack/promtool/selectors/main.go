// Command selectors reads PromQL expressions, a JSON array of strings, and writes what each of them selects: an array
// of [Expression], in the same order. It ends with an error at the first expression that Prometheus would reject.
//
// The tests of alert rules and dashboard compare the result with the metrics that the operator serves. The program
// belongs to this module, so that the operator's own module does not need Prometheus.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Expression is what one expression selects.
type Expression struct {
	// Selectors of series, in the order of the expression.
	Selectors []Selector
	// Grouping are the labels in by, without, on, ignoring, group_left and group_right.
	Grouping []string
}

// Selector of series.
type Selector struct {
	Metric   string
	Matchers []Matcher
}

// Matcher of one label's value.
type Matcher struct {
	Label, Op, Value string
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "selectors:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var expressions []string
	if err := json.NewDecoder(in).Decode(&expressions); err != nil {
		return err
	}
	found := make([]Expression, len(expressions))
	p := parser.NewParser(parser.Options{})
	for i, text := range expressions {
		parsed, err := p.ParseExpr(text)
		if err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
		parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
			found[i].add(node)
			return nil
		})
	}
	return json.NewEncoder(out).Encode(found)
}

// add records what one node of the expression selects.
func (e *Expression) add(node parser.Node) {
	switch n := node.(type) {
	case *parser.VectorSelector:
		s := Selector{Metric: n.Name}
		for _, m := range n.LabelMatchers {
			if m.Name == labels.MetricName {
				s.Metric = m.Value
				continue
			}
			s.Matchers = append(s.Matchers, Matcher{m.Name, m.Type.String(), m.Value})
		}
		e.Selectors = append(e.Selectors, s)
	case *parser.AggregateExpr:
		e.Grouping = append(e.Grouping, n.Grouping...)
	case *parser.BinaryExpr:
		if m := n.VectorMatching; m != nil {
			e.Grouping = append(append(e.Grouping, m.MatchingLabels...), m.Include...)
		}
	}
}
