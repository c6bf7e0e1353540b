package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestReport(t *testing.T) {
	pairs := []pair{
		{round{throughput: 80, cpu: 30 * time.Millisecond}, round{throughput: 100, cpu: 10 * time.Millisecond}},
		{round{throughput: 90, cpu: 20 * time.Millisecond}, round{throughput: 200, cpu: 10 * time.Millisecond}},
		{round{throughput: 10, cpu: 10 * time.Millisecond}, round{throughput: 160, cpu: 10 * time.Millisecond}},
	}
	set := setting{10, 50 * time.Millisecond, 10}
	r := &report{Date: "2026-01-02", Comparisons: []comparison{newComparison(set, pairs)},
		Cost: newCost(pairs, []setting{{50, 0, 10}})}
	if got, want := r.Comparisons[0].Ratio, 0.45; got != want {
		t.Errorf("median of the ratios = %v, want %v", got, want)
	}
	if got, want := r.Cost.CPU, 2*time.Millisecond; got != want || r.Cost.CPURatio != 2 {
		t.Errorf("CPU of an object = %v, want %v; ratio %v", got, want, r.Cost.CPURatio)
	}
	dir := t.TempDir()
	if err := r.write(dir); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"performance.md": "| 10 | 50 ms | 80 | 160 | 0.45 |",
		"performance.svg": ">10 workers<"} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %q (%v):\n%s", file, want, err, text)
		}
	}
}

func TestPercentile(t *testing.T) {
	values := make([]time.Duration, 200)
	for i := range values {
		values[i] = time.Duration(i + 1)
	}
	for p, want := range map[int]time.Duration{50: 100, 99: 198, 100: 200} {
		if got := percentile(values, p); got != want {
			t.Errorf("p%d = %d, want %d", p, got, want)
		}
	}
}
