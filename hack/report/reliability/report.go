package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/template"
	"time"

	"github.com/logout-operator/logout-operator/test/soak"
)

// report has everything that the page shows.
type report struct {
	Date, Go, System string
	Cores            int
	Runs             []suiteRun
	Rows             []judged
	Tables           []table
	Soak             soak.Record
	SoakProblem      string
}

// suiteRun is when a suite last ran, and the errors of the suite as a whole.
type suiteRun struct {
	Package, Date, Took string
	Problem             string
}

// table is one of the tables with a line for each scenario.
type table struct {
	Title, Text string
	Grid        grid
}

// newReport combines the results of the suites and of the soak.
func newReport(outcomes map[string]outcome, r soak.Record, soakErr error) report {
	p := report{Date: time.Now().UTC().Format(time.DateOnly), Go: runtime.Version(), Cores: runtime.NumCPU(),
		System: runtime.GOOS + "/" + runtime.GOARCH, Soak: r}
	for _, s := range suites {
		o := outcomes[s.name]
		run := suiteRun{Package: s.pkg, Date: o.Date.UTC().Format(time.DateOnly),
			Took: o.Took.Round(time.Second).String()}
		switch {
		case o.Date.IsZero():
			run.Problem = "has not been run"
		case !o.passed:
			run.Problem = "failed"
		}
		p.Runs = append(p.Runs, run)
	}
	for _, r := range rows {
		p.Rows = append(p.Rows, r.judge(outcomes))
	}
	for _, t := range tables {
		p.Tables = append(p.Tables, table{t.title, t.text, t.of(outcomes[t.suite], t.test)})
	}
	switch {
	case soakErr != nil:
		p.SoakProblem = fmt.Sprintf("no record of a soak: %v", soakErr)
	case !r.Passed:
		p.SoakProblem = "the soak failed"
	case r.Minutes < 30:
		p.SoakProblem = fmt.Sprintf("the soak took %.0f minutes, not 30", r.Minutes)
	}
	return p
}

// problems lists everything that is wrong.
func (p report) problems() error {
	var all []error
	for _, r := range p.Runs {
		if r.Problem != "" {
			all = append(all, fmt.Errorf("%s %s", r.Package, r.Problem))
		}
	}
	for _, r := range p.Rows {
		if r.Verdict != holds {
			all = append(all, fmt.Errorf("%s: %s", r.Fault, strings.Join(r.Problems, "; ")))
		}
	}
	for _, t := range p.Tables {
		if len(t.Grid.Lines) == 0 {
			all = append(all, fmt.Errorf("%s: no figures", t.Title))
		}
	}
	if p.SoakProblem != "" {
		all = append(all, errors.New(p.SoakProblem))
	}
	return errors.Join(all...)
}

var (
	//go:embed reliability.md.tmpl
	page string
	//go:embed reliability.svg.tmpl
	plot string
)

// write writes the page and the soak's plot into a directory.
func (p report) write(dir string) error {
	for name, source := range map[string]struct {
		text string
		data any
	}{"reliability.md": {page, p}, "reliability.svg": {plot, newSoakPlot(p.Soak)}} {
		t, err := template.New(name).Funcs(template.FuncMap{"cell": cell}).Parse(source.text)
		if err != nil {
			return err
		}
		file, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if err := errors.Join(t.Execute(file, source.data), file.Close()); err != nil {
			return err
		}
	}
	return nil
}

// cell escapes text for a cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// readSoak returns the record of the last soak.
func readSoak(path string) (r soak.Record, err error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return r, errors.New("make soak has not been run")
	}
	if err != nil {
		return r, err
	}
	defer func() { _ = file.Close() }() // only read from
	return soak.Read(io.Reader(file))
}
