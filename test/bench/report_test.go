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
	file := filepath.Join(t.TempDir(), "measured")
	if err := r.write(file); err != nil {
		t.Fatal(err)
	}
	const want = `"Comparisons":[{"Workers":10,"Objects":10,"ServiceLatency":50000000,"Operator":80,"BareLoop":160,"Ratio":0.45}]`
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), want) {
		t.Errorf("%s lacks %s (%v)", text, want, err)
	}
}
