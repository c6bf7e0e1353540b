package axis

import (
	"fmt"
	"testing"
)

func TestAxis(t *testing.T) {
	for _, tc := range []struct {
		highest float64
		want    string
	}{
		{0.5, "[{200 0} {100 1}]"},
		{4, "[{200 0} {175 1} {150 2} {125 3} {100 4}]"},
		{340, "[{200 0} {175 100} {150 200} {125 300} {100 400}]"},
		{900, "[{200 0} {150 500} {100 1000}]"},
	} {
		if got := fmt.Sprint(New(tc.highest, 200, 100).Ticks); got != tc.want {
			t.Errorf("highest %v: ticks %s, want %s", tc.highest, got, tc.want)
		}
	}
	if got := New(340, 200, 100).Y(100); got != 175 {
		t.Errorf("100 of 400 is at %v, want 175", got)
	}
}
