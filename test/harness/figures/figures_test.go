package figures

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// measuring is a test that measures something. It may fail without failing the test that checks it.
type measuring struct {
	testing.TB
	name   string
	failed bool
}

func (m *measuring) Name() string          { return m.name }
func (m *measuring) Errorf(string, ...any) { m.failed = true }

func TestFigures(t *testing.T) {
	*file = filepath.Join(t.TempDir(), "figures")
	t.Cleanup(func() { *file, all = "", nil })
	for _, tc := range []struct {
		measure func(testing.TB)
		want    Figure
		fails   bool
		verdict string
	}{
		{func(t testing.TB) { AtMost(t, "calls", 3, 3, true) }, Figure{"met", "calls", "3", "≤ 3", false, true},
			false, "ok"},
		{func(t testing.TB) { AtMost(t, "calls", 4, 3, true) }, Figure{"above", "calls", "4", "≤ 3", true, true}, true,
			"MISSED"},
		{func(t testing.TB) { AtMost(t, "time", 2*time.Second, time.Second, false) },
			Figure{"above, not asserted", "time", "2s", "≤ 1s", true, false}, false, "missed, not asserted"},
		{func(t testing.TB) { Note(t, "share", 0.125) }, Figure{Scenario: "noted", What: "share", Measured: "12.50 %"},
			false, ""},
	} {
		m := &measuring{TB: t, name: tc.want.Scenario}
		tc.measure(m)
		if m.failed != tc.fails {
			t.Errorf("%s: failed is %v, want %v", m.name, m.failed, tc.fails)
		}
		if got := all[len(all)-1]; got != tc.want || got.verdict() != tc.verdict {
			t.Errorf("kept %+v, %q; want %+v, %q", got, got.verdict(), tc.want, tc.verdict)
		}
	}

	text, err := os.ReadFile(*file)
	if err != nil {
		t.Fatal(err)
	}
	if read, err := Read(bytes.NewReader(text)); err != nil || !slices.Equal(read, All()) {
		t.Errorf("read %+v (%v), want %+v", read, err, All())
	}
	if _, err := Read(strings.NewReader("{}\nno figure")); err == nil {
		t.Error("a file that holds something else is read without an error")
	}
	var table bytes.Buffer
	Print(&table)
	if lines := strings.Count(table.String(), "\n"); lines != 5 || !strings.Contains(table.String(), "MISSED") {
		t.Errorf("printed:\n%s", &table)
	}
}

func TestQuantile(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i))
	}
	for _, tc := range []struct {
		of   []time.Duration
		q    float64
		want time.Duration
	}{{hundred, 0.99, 99}, {hundred, 0.5, 50}, {hundred, 0, 1}, {hundred, 1, 100}, {[]time.Duration{7}, 0.5, 7},
		{nil, 0.5, 0}} {
		if got := Quantile(tc.of, tc.q); got != tc.want {
			t.Errorf("quantile %v of %d: %d, want %d", tc.q, len(tc.of), got, tc.want)
		}
	}
}
