package controllers

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newInflight()
		if !f.begin() {
			t.Fatal("refused before any drain")
		}
		time.AfterFunc(5*time.Second, f.end)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if n := f.drain(ctx); n != 0 || time.Since(start) != 5*time.Second {
			t.Errorf("abandoned %d after %s", n, time.Since(start))
		}
		if f.begin() {
			t.Error("an attempt began after the drain")
		}
		if n := f.drain(ctx); n != 0 {
			t.Errorf("second drain abandoned %d", n)
		}
	})
}

func TestDrainGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newInflight()
		f.begin()
		f.begin()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if n := f.drain(ctx); n != 2 {
			t.Errorf("abandoned %d, want 2", n)
		}
		if f.ctx.Err() == nil {
			t.Error("the attempts abandoned were not told")
		}
		f.end()
		f.end()
		if n := f.drain(t.Context()); n != 2 {
			t.Errorf("a later drain forgets those abandoned: %d, want 2", n)
		}
	})
}
