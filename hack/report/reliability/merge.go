package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/logout-operator/logout-operator/test/harness/figures"
)

// row is a line of the table: a fault, the guarantee that must hold, and the scenarios that show it.
type row struct {
	Fault, Guarantee string
	shown            []scenarios
	// figures in the table, by name; if there are none, all except the common ones.
	figures []string
}

// scenarios are the tests of a suite whose names, including those of their subtests, match.
type scenarios struct {
	suite string
	tests string
}

// judged is a row with its result.
type judged struct {
	row
	Measured  string
	Verdict   string
	Scenarios []string
	Problems  []string
}

// The verdicts.
const (
	holds   = "holds"
	failed  = "**FAILED**"
	missing = "**MISSING**"
)

// judge looks up the results of the row's scenarios.
func (r row) judge(outcomes map[string]outcome) judged {
	j := judged{row: r, Verdict: holds}
	var found []figures.Figure
	problem := func(verdict, format string, args ...any) {
		if j.Verdict != failed {
			j.Verdict = verdict
		}
		j.Problems = append(j.Problems, fmt.Sprintf(format, args...))
	}
	for _, s := range r.shown {
		match := regexp.MustCompile("^(?:" + s.tests + ")(?:/|$)").MatchString
		o, passed := outcomes[s.suite], 0
		for _, test := range slices.Sorted(maps.Keys(o.tests)) {
			switch verdict := o.tests[test]; {
			case !match(test):
			case verdict == "fail":
				problem(failed, "%s failed", test)
			case verdict == "skip":
				j.Problems = append(j.Problems, test+" was skipped")
			default:
				passed++
			}
		}
		if passed == 0 {
			problem(missing, "no scenario %s of %s passed", s.tests, s.suite)
		}
		for _, f := range o.kept {
			if !match(f.Scenario) {
				continue
			}
			found = append(found, f)
			if remark := fmt.Sprintf("%s: %s is %s, want %s", f.Scenario, f.What, f.Measured, f.Limit); f.Missed &&
				f.Asserted {
				problem(failed, "%s", remark)
			} else if f.Missed {
				j.Problems = append(j.Problems, remark+" on a quiet machine")
			}
		}
		for _, name := range strings.Split(s.tests, "|") {
			name, _, _ = strings.Cut(name, "/")
			if !slices.Contains(j.Scenarios, name) {
				j.Scenarios = append(j.Scenarios, name)
			}
		}
	}
	if j.Measured = summary(found, r.figures); j.Measured == "" {
		problem(missing, "no figure")
	}
	return j
}

// summary combines the figures of many scenarios in one cell: the least and the greatest of each.
func summary(found []figures.Figure, wanted []string) string {
	var whats []string
	values := map[string][]figures.Figure{}
	for _, f := range found {
		if len(wanted) > 0 && !slices.Contains(wanted, f.What) || len(wanted) == 0 && slices.Contains(common, f.What) {
			continue
		}
		if values[f.What] == nil {
			whats = append(whats, f.What)
		}
		values[f.What] = append(values[f.What], f)
	}
	if len(wanted) > 0 {
		slices.SortFunc(whats, func(a, b string) int { return slices.Index(wanted, a) - slices.Index(wanted, b) })
	}
	var parts []string
	for _, what := range whats {
		parts = append(parts, what+": "+extremes(values[what]))
	}
	return strings.Join(parts, "; ")
}

func extremes(of []figures.Figure) string {
	slices.SortStableFunc(of, func(a, b figures.Figure) int {
		switch x, y := number(a.Measured), number(b.Measured); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	least, greatest := of[0].Measured, of[len(of)-1].Measured
	if least == greatest {
		return greatest
	}
	return least + " to " + greatest
}

// number parses the stored value of a figure: a count, a share in per cent, or a time.
func number(measured string) float64 {
	if d, err := time.ParseDuration(measured); err == nil {
		return d.Seconds()
	}
	n, _ := strconv.ParseFloat(strings.TrimSuffix(measured, " %"), 64) // 0 if it is no number
	return n
}

// grid is a table with a line for each scenario and a column for each figure.
type grid struct {
	Columns []string
	Lines   []line
}

type line struct {
	Scenario string
	Cells    []string
}

// listOf has a line for each figure of the scenarios of one test.
func listOf(o outcome, test string) grid {
	g := grid{Columns: []string{"figure", "measured"}}
	for _, f := range o.kept {
		if scenario, ok := strings.CutPrefix(f.Scenario, test+"/"); ok {
			g.Lines = append(g.Lines, line{strings.ReplaceAll(scenario, "_", " "), []string{f.What, f.Measured}})
		}
	}
	return g
}

// gridOf has the figures of the scenarios of one test that are not common.
func gridOf(o outcome, test string) (g grid) {
	lines := map[string]int{}
	for _, f := range o.kept {
		scenario, ok := strings.CutPrefix(f.Scenario, test)
		if !ok || scenario != "" && scenario[0] != '/' || slices.Contains(common, f.What) {
			continue
		}
		scenario = strings.ReplaceAll(strings.TrimPrefix(scenario, "/"), "_", " ")
		column := slices.Index(g.Columns, f.What)
		if column < 0 {
			column = len(g.Columns)
			g.Columns = append(g.Columns, f.What)
		}
		at, known := lines[scenario]
		if !known {
			at = len(g.Lines)
			lines[scenario] = at
			g.Lines = append(g.Lines, line{Scenario: scenario})
		}
		for len(g.Lines[at].Cells) <= column {
			g.Lines[at].Cells = append(g.Lines[at].Cells, "")
		}
		g.Lines[at].Cells[column] = f.Measured
	}
	for i := range g.Lines {
		for len(g.Lines[i].Cells) < len(g.Columns) {
			g.Lines[i].Cells = append(g.Lines[i].Cells, "")
		}
	}
	return g
}
