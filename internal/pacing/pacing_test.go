package pacing

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func key(n int) types.NamespacedName {
	return types.NamespacedName{Namespace: "ns", Name: fmt.Sprint(n)}
}

var (
	start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	ten   = Limit{PerSecond: 10, Burst: 5}
)

func TestSlotsFollowTheRate(t *testing.T) {
	var p Pacer
	for i := range 25 {
		want := max(0, time.Duration(i-4)*100*time.Millisecond)
		if got := p.Reserve("a", ten, key(i), start); got != want {
			t.Errorf("object %d waits %s, want %s", i, got, want)
		}
	}
	if got := p.Reserve("b", ten, key(100), start); got != 0 {
		t.Errorf("another provider's object waits %s", got)
	}
}

func TestSlotIsRemembered(t *testing.T) {
	var p Pacer
	for i := range 6 {
		p.Reserve("a", ten, key(i), start)
	}
	for _, after := range []time.Duration{0, 40 * time.Millisecond, 99 * time.Millisecond} {
		if got, want := p.Reserve("a", ten, key(5), start.Add(after)), 100*time.Millisecond-after; got != want {
			t.Errorf("after %s it waits %s, want %s", after, got, want)
		}
	}
	for range 2 { // its time has come, and stays
		if got := p.Reserve("a", ten, key(5), start.Add(time.Second)); got != 0 {
			t.Errorf("still waits %s", got)
		}
	}
	p.Release(key(5))
	for i := range 5 { // take what is free at once
		p.Reserve("a", ten, key(10+i), start)
	}
	if got := p.Reserve("a", ten, key(5), start); got == 0 {
		t.Error("a released slot was used again")
	}
}

func TestCancelGivesTheSlotBack(t *testing.T) {
	var p Pacer
	one := Limit{PerSecond: 1, Burst: 1}
	p.Reserve("a", one, key(0), start)
	p.Reserve("a", one, key(1), start)
	p.Cancel(key(1), start)
	if got := p.Reserve("a", one, key(2), start); got != time.Second {
		t.Errorf("waits %s, want the cancelled slot, in 1s", got)
	}
	p.Cancel(key(99), start) // has none
}

func TestLimitChanges(t *testing.T) {
	var p Pacer
	one := Limit{PerSecond: 1, Burst: 1}
	p.Reserve("a", one, key(0), start)
	if got := p.Reserve("a", Limit{PerSecond: 100, Burst: 1}, key(1), start); got != 10*time.Millisecond {
		t.Errorf("waits %s after the limit was raised, want 10ms", got)
	}
	p.Forget("a")
	if got := p.Reserve("a", one, key(2), start); got != 0 {
		t.Errorf("a provider created again starts with %s", got)
	}
}
