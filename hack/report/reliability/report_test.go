package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/soak"
)

// ran is the outcome of a suite in which these tests passed, except those with another result in others.
func ran(kept []figures.Figure, others map[string]string) outcome {
	o := outcome{Date: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), passed: true, tests: map[string]string{},
		kept: kept}
	for _, f := range kept {
		o.tests[f.Scenario] = "pass"
	}
	for name, verdict := range others {
		o.tests[name] = verdict
	}
	return o
}

func TestRowsAreJudged(t *testing.T) {
	kept := []figures.Figure{
		{Scenario: "TestKill/in_the_call", What: "repeats", Measured: "1", Limit: "≤ 1"},
		{Scenario: "TestKill/before", What: "repeats", Measured: "0", Limit: "≤ 0"},
		{Scenario: "TestKill/before", What: "time", Measured: "1m2s"},
		{Scenario: "TestKill/in_the_call", What: "time", Measured: "900ms"},
		{Scenario: "TestKill/before", What: "most reads of an object", Measured: "7"},
		{Scenario: "TestKillers", What: "repeats", Measured: "99"},
	}
	missed := append(
		[]figures.Figure{{Scenario: "TestKill/late", What: "time", Measured: "9s", Limit: "≤ 1s", Missed: true}},
		kept...)
	asserted := slices.Clone(missed)
	asserted[0].Asserted = true
	r := row{shown: []scenarios{{"faults", "TestKill"}}}
	two := row{shown: []scenarios{{"faults", "TestKill"}, {"overload", "TestOutage"}}}
	chosen := r
	chosen.figures = []string{"time"}
	renamed := r
	renamed.figures = []string{"another figure"}
	for name, tc := range map[string]struct {
		row               row
		outcome           outcome
		verdict, measured string
	}{
		"all of it":             {r, ran(kept, nil), holds, "repeats: 0 to 1; time: 900ms to 1m2s"},
		"chosen figures":        {chosen, ran(kept, nil), holds, "time: 900ms to 1m2s"},
		"a figure is not there": {renamed, ran(kept, nil), missing, ""},
		"a scenario failed": {r, ran(kept, map[string]string{"TestKill/other": "fail"}), failed,
			"repeats: 0 to 1; time: 900ms to 1m2s"},
		"another test failed": {r, ran(kept, map[string]string{"TestKillers/other": "fail"}), holds,
			"repeats: 0 to 1; time: 900ms to 1m2s"},
		"skipped":                      {r, ran(nil, map[string]string{"TestKill": "skip"}), missing, ""},
		"no figures":                   {r, ran(nil, map[string]string{"TestKill": "pass"}), missing, ""},
		"not run":                      {r, outcome{}, missing, ""},
		"one of two suites not run":    {two, ran(kept, nil), missing, "repeats: 0 to 1; time: 900ms to 1m2s"},
		"a limit missed":               {r, ran(asserted, nil), failed, "time: 900ms to 1m2s; repeats: 0 to 1"},
		"a limit that is not asserted": {r, ran(missed, nil), holds, "time: 900ms to 1m2s; repeats: 0 to 1"},
	} {
		j := tc.row.judge(map[string]outcome{"faults": tc.outcome})
		if j.Verdict != tc.verdict || j.Measured != tc.measured || (j.Verdict != holds && len(j.Problems) == 0) {
			t.Errorf("%s: %q, %q, %q; want %q, %q", name, j.Verdict, j.Measured, j.Problems, tc.verdict, tc.measured)
		}
	}
}

// TestScenariosExist: without it, nobody would notice a renamed scenario until all scenarios run.
func TestScenariosExist(t *testing.T) {
	sources := map[string]string{}
	for _, s := range suites {
		files, err := filepath.Glob(filepath.Join("../../..", s.pkg, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources[s.name] += string(text)
		}
	}
	named := []scenarios{}
	for _, r := range rows {
		named = append(named, r.shown...)
	}
	for _, x := range tables {
		named = append(named, scenarios{x.suite, x.test})
	}
	for _, s := range named {
		if s.tests != ".*" && !strings.Contains(sources[s.suite], "func "+s.tests+"(t *testing.T)") {
			t.Errorf("%s has no %s", s.suite, s.tests)
		}
	}
}

// complete is an outcome for every suite, as if all scenarios of all rows had passed.
func complete() map[string]outcome {
	outcomes := map[string]outcome{}
	add := func(suite, test string, whats ...string) {
		var kept []figures.Figure
		for _, what := range whats {
			kept = append(kept, figures.Figure{Scenario: test + "/a_variant", What: what, Measured: "0"})
		}
		o := outcomes[suite]
		if o.tests == nil {
			o = ran(nil, nil)
		}
		for name, verdict := range ran(kept, nil).tests {
			o.tests[name] = verdict
		}
		o.kept = append(o.kept, kept...)
		outcomes[suite] = o
	}
	for _, r := range rows {
		whats := r.figures
		if len(whats) == 0 {
			whats = []string{"repeats"}
		}
		for _, s := range r.shown {
			add(s.suite, strings.TrimSuffix(s.tests, ".*"), whats...)
		}
	}
	for _, x := range tables {
		add(x.suite, x.test, "repeats in all")
	}
	return outcomes
}

func recorded() soak.Record {
	r := soak.Record{Date: "2026-01-02", Minutes: 30, Passed: true, Seed: 7,
		Figures: []figures.Figure{{What: "logouts", Measured: "36000"}},
		Faults:  []soak.Fault{{What: "the service hangs", From: 60, To: 66}}}
	for i := range 100 {
		r.Samples = append(r.Samples, soak.Sample{Second: float64(i * 15), Phase: soak.Steady, RSS: 50 << 20,
			OpenFiles: 40, Threads: 8, Goroutines: 300 * (i % 2)})
	}
	r.Samples = append(r.Samples, soak.Sample{Second: 1800, Phase: soak.Killed, RSS: 900 << 20})
	return r
}

func TestReport(t *testing.T) {
	dir := t.TempDir()
	p := newReport(complete(), recorded(), nil)
	if err := p.problems(); err != nil {
		t.Errorf("nothing is missing, but: %v", err)
	}
	if err := p.write(dir); err != nil {
		t.Fatal(err)
	}
	md, svg := read(t, dir, "reliability.md"), read(t, dir, "reliability.svg")
	for _, want := range []string{"| repeats: 0 | holds | `TestStop` |", "| a variant | 0 | ",
		"| a variant | repeats in all | 0 |", "| logouts | 36000 |", "-seed 7", "| all |"} {
		if !strings.Contains(md, want) {
			t.Errorf("the page lacks %q:\n%s", want, md)
		}
	}
	if strings.Contains(md, failed) || strings.Contains(md, missing) || strings.Contains(md, "<no value>") {
		t.Errorf("the page says that something is wrong:\n%s", md)
	}
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in the plot:\n%s", err, svg)
		}
	}
	if lines := strings.Count(svg, "<polyline"); lines != 5 || strings.Contains(svg, "NaN") {
		t.Errorf("%d lines in the plot, want 5:\n%s", lines, svg)
	}
	if strings.Contains(svg, ">1000<") {
		t.Error("the memory of the processes that are killed is in the plot")
	}
}

// TestReportOfFailures: any failure makes the command fail, and appears on the page.
func TestReportOfFailures(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(map[string]outcome, *soak.Record) error
		want   string
	}{
		"a scenario failed": {func(o map[string]outcome, _ *soak.Record) error {
			o["faults"].tests["TestStop/twice"] = "fail"
			return nil
		},
			"TestStop/twice failed"},
		"a suite failed as a whole": {func(o map[string]outcome, _ *soak.Record) error {
			f := o["faults"]
			f.passed = false
			o["faults"] = f
			return nil
		}, "failed"},
		"a suite was not run": {func(o map[string]outcome, _ *soak.Record) error { delete(o, "overload"); return nil },
			"has not been run"},
		"a table is empty": {func(o map[string]outcome, _ *soak.Record) error {
			f := o["faults"]
			f.kept = nil
			o["faults"] = f
			return nil
		}, "**MISSING**"},
		"no soak": {func(_ map[string]outcome, r *soak.Record) error {
			*r = soak.Record{}
			return errors.New("there is none")
		}, "there is none"},
		"a failed soak": {func(_ map[string]outcome, r *soak.Record) error { r.Passed = false; return nil },
			"the soak failed"},
		"a short soak": {func(_ map[string]outcome, r *soak.Record) error { r.Minutes = 2; return nil },
			"took 2 minutes, not 30"},
	} {
		outcomes, record, dir := complete(), recorded(), t.TempDir()
		err := tc.change(outcomes, &record)
		p := newReport(outcomes, record, err)
		if p.problems() == nil {
			t.Errorf("%s: no error", name)
		}
		if err := p.write(dir); err != nil {
			t.Fatal(err)
		}
		if md := read(t, dir, "reliability.md"); !strings.Contains(md, tc.want) {
			t.Errorf("%s: the page lacks %q:\n%s", name, tc.want, md)
		}
	}
}

// TestSuite runs a real test package, which writes no figures to that file.
func TestSuite(t *testing.T) {
	dir := t.TempDir()
	var progress bytes.Buffer
	for _, tc := range []struct {
		suite  suite
		passed bool
		want   string
	}{
		{suite{"fine", "github.com/logout-operator/logout-operator/test/harness/figures", [][]string{{"-run=^TestFigures$"}}}, true, "pass TestFigures"},
		{suite{"one of two parts has an unknown flag", "github.com/logout-operator/logout-operator/test/harness/figures",
			[][]string{{"-run=^TestFigures$"}, {"-nonsense"}}}, false, "FAIL"},
	} {
		progress.Reset()
		if err := tc.suite.run(t.Context(), dir, &progress); err != nil {
			t.Fatal(err)
		}
		o, err := tc.suite.read(dir)
		if err != nil || o.passed != tc.passed || o.Date.IsZero() || o.tests["TestFigures"] != "pass" {
			t.Errorf("%s: %+v, %v", tc.suite.name, o, err)
		}
		if !strings.Contains(progress.String(), tc.want) {
			t.Errorf("%s: the progress lacks %q:\n%s", tc.suite.name, tc.want, &progress)
		}
	}
	s := suite{name: "kept", parts: [][]string{nil}}
	line, err := json.Marshal(figures.Figure{Scenario: "TestKill", What: "repeats", Measured: "0"})
	if err != nil {
		t.Fatal(err)
	}
	const events = `{"Time":"2026-01-02T10:00:00Z","Action":"start"}
{"Time":"2026-01-02T10:00:01Z","Action":"fail","Test":"TestKill/in_the_call","Elapsed":1}
not an event
{"Time":"2026-01-02T10:01:00Z","Action":"fail","Elapsed":60}
`
	for name, text := range map[string][]byte{s.events(dir, 0): []byte(events), s.kept(dir): line} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o, err := s.read(dir)
	if err != nil || o.passed || o.Took != time.Minute || o.tests["TestKill/in_the_call"] != "fail" ||
		len(o.kept) != 1 {
		t.Errorf("%+v, %v", o, err)
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
