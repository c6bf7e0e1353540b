package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// measured has every field that test/bench prints.
const measured = `{"Date":"2026-01-02","Go":"go1.26","Cores":2,"Rounds":5,
"Comparisons":[{"Workers":10,"Objects":10,"ServiceLatency":50000000,"Operator":80,"BareLoop":160,"Ratio":0.45}],
"Cost":{"Workers":50,"Objects":10,"Reads":0,"StatusWrites":2,"Events":1,"Others":0,"Refused":0,"BareLoopWrites":2,
 "CPU":2000000,"BareLoopCPU":1000000,"CPURatio":2,"PeakRSS":52428800,"BareLoopPeakRSS":31457280},
"Latency":{"Samples":200,"P50":10000000,"P99":20000000,"PeakRSS":52428800},
"Weights":[{"Objects":100000,"Waiting":1000,"PeakRSS":104857600,"RSS":94371840,"First":500000000,"All":20000000000,"CPU":1}]}`

func TestPage(t *testing.T) {
	dir := t.TempDir()
	if err := run(strings.NewReader(measured), dir); err != nil {
		t.Fatal(err)
	}
	for file, all := range map[string][]string{
		"performance.md": {"| 10 | 50 ms | 80 | 160 | 0.45 |", "| CPU | 2.00 ms | 1.00 ms |", "p99 20.00 ms",
			"| 100000 | 1000 | 100 MiB | 0.5 s | 20.0 s |"},
		"performance.svg": {">10 workers<"},
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range all {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s lacks %q:\n%s", file, want, text)
			}
		}
	}
	for name, text := range map[string]string{
		"a figure that the page does not have": `{"Throughput": 1}`,
		"a figure of the page is missing":      strings.Replace(measured, `"CPU":2000000,`, "", 1),
		"no measurements":                      "",
	} {
		if err := run(strings.NewReader(text), dir); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
