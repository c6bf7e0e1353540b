// Command performance writes docs/performance.md and its plot from the measurements that test/bench prints as JSON.
package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/template"
	"time"
)

// report is what test/bench has measured. Times are in nanoseconds.
type report struct {
	Date, Go      string
	Cores, Rounds int
	Comparisons   []comparison
	Cost, Latency map[string]float64
	Weights       []map[string]float64
}

// comparison is the throughput of both sides with one setting, in objects a second.
type comparison struct {
	Workers, Objects          int
	ServiceLatency            time.Duration
	Operator, BareLoop, Ratio float64
}

var (
	//go:embed performance.md.tmpl
	page string
	//go:embed performance.svg.tmpl
	plot string
)

func main() {
	out := flag.String("out", "docs", "the directory to write performance.md and performance.svg to")
	flag.Parse()
	if err := run(os.Stdin, *out); err != nil {
		fmt.Fprintln(os.Stderr, "performance:", err)
		os.Exit(1)
	}
}

func run(from io.Reader, dir string) error {
	var r report
	d := json.NewDecoder(from)
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return fmt.Errorf("not the measurements of test/bench: %w", err)
	}
	return errors.Join(write(filepath.Join(dir, "performance.md"), page, r),
		write(filepath.Join(dir, "performance.svg"), plot, newChart(r.Comparisons)))
}

func write(file, text string, data any) error {
	t, err := template.New(filepath.Base(file)).Option("missingkey=error").Funcs(template.FuncMap{
		"ms":  func(ns float64) string { return fmt.Sprintf("%.2f ms", ns/1e6) },
		"s":   func(ns float64) string { return fmt.Sprintf("%.1f s", ns/1e9) },
		"mib": func(bytes float64) string { return fmt.Sprintf("%d", int64(bytes)>>20) },
	}).Parse(text)
	if err != nil {
		return err
	}
	to, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(t.Execute(to, data), to.Close())
}
