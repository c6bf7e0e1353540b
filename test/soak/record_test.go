package soak

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/logout-operator/logout-operator/test/harness/figures"
)

func TestRecord(t *testing.T) {
	r := Record{
		Date: "2026-01-02", Cores: 2, Seed: 1<<64 - 1, Passed: true,
		Figures: []figures.Figure{{Scenario: "TestSoak", What: "calls", Measured: "3"}},
		Faults:  []Fault{{"the service hangs", 1, 2.5}},
		Samples: []Sample{{Second: 1, Phase: Idle, RSS: 5 << 30, Threads: 9}, {Second: 2, Phase: Steady}},
	}
	var file bytes.Buffer
	if err := r.Write(&file); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(&file); err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("read %+v (%v), want %+v", got, err, r)
	}
	if got := r.In(Steady); len(got) != 1 || got[0].Second != 2 {
		t.Errorf("samples while steady: %+v", got)
	}
	if _, err := Read(bytes.NewBufferString("{}\n{")); err == nil {
		t.Error("half a record is read without an error")
	}
}

func TestThirds(t *testing.T) {
	// Temporary peaks do not count; lasting growth does.
	flat := []int{0, 1, 2, 10, 90, 10, 0, 10, 80}
	growing := []int{0, 1, 2, 10, 12, 14, 20, 22, 24}
	for _, tc := range []struct {
		values       []int
		middle, last int
	}{{flat, 10, 80}, {append(flat, 10, 11, 9), 10, 11}, {growing, 12, 22}, {nil, 0, 0}} {
		var samples []Sample
		for _, v := range tc.values {
			samples = append(samples, Sample{Goroutines: v})
		}
		middle, last := Thirds(samples, func(s Sample) int { return s.Goroutines })
		if middle != tc.middle || last != tc.last {
			t.Errorf("%v: %d and %d, want %d and %d", tc.values, middle, last, tc.middle, tc.last)
		}
	}
}
