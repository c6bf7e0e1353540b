package credential

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server issues credentials 1, 2, 3 …, or fails.
type server struct {
	asked int
	life  time.Duration
	err   error
	wait  time.Duration // the pause that it asks for
	hangs time.Duration // before it answers
}

func (s *server) fetch(ctx context.Context) (Fetched[int], error) {
	s.asked++
	select {
	case <-time.After(s.hangs):
	case <-ctx.Done():
	}
	if s.err != nil {
		return Fetched[int]{}, s.err
	}
	f := Fetched[int]{Value: s.asked}
	if s.life != 0 {
		f.UseUntil = time.Now().Add(s.life).Round(0)
	}
	return f, nil
}

func (s *server) source() *Source[int] {
	return New(s.fetch, func(error) time.Duration { return s.wait })
}

func TestKeptUntilItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &server{life: time.Minute}
		s := server.source()
		for _, step := range []struct {
			pause time.Duration
			want  int
		}{{0, 1}, {time.Minute - 1, 1}, {1, 2}, {0, 2}} {
			<-time.After(step.pause)
			if got, err := s.Get(t.Context()); got != step.want || err != nil {
				t.Errorf("%+v: %d, %v", step, got, err)
			}
		}
	})
}

// A credential that has already expired when it arrives serves all callers that
// wait for it.
func TestOverWhenItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &server{life: -time.Hour}
		s := server.source()
		for range 10 * 100 {
			if _, err := s.Get(t.Context()); err != nil {
				t.Error(err)
			}
			<-time.After(leastUse / 100)
		}
		if server.asked != 10 {
			t.Errorf("asked %d times in ten seconds", server.asked)
		}
	})
}

// TestDoubt: a doubt has the next caller fetch another credential, at intervals that double until the credential ends.
func TestDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &server{life: 30 * time.Hour}
		s := server.source()
		for _, step := range []struct {
			pause       time.Duration
			value, want int
		}{{0, 0, 1}, {0, 1, 1}, {time.Minute - 1, 7, 1}, {1, 7, 2}, // doubted before, and due
			{2*time.Minute - 1, 2, 2}, {1, 1, 3}, {time.Hour, 1, 3}, {0, 3, 4}, {0, 4, 4}, {8 * time.Minute, 4, 5},
			{16 * time.Minute, 5, 6}, {32 * time.Minute, 6, 7}, {time.Hour - 1, 7, 7}, {1, 7, 8}, {time.Hour, 8, 9},
			{30 * time.Hour, 0, 10}, {time.Minute - 1, 10, 10}, {1, 10, 11}} {
			<-time.After(step.pause)
			s.Doubt(step.value)
			if got, err := s.Get(t.Context()); got != step.want || err != nil {
				t.Errorf("%+v: %d, %v", step, got, err)
			}
		}
	})
}

// TestDoubtInVain: a fetch that a doubt causes takes nothing away and delays no caller for long, whether the server
// fails or hangs. When the credential ends, the next is fetched at once, whatever came of the doubts.
func TestDoubtInVain(t *testing.T) {
	for _, hangs := range []time.Duration{0, time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			server := &server{life: time.Hour, wait: 5 * time.Minute}
			s := server.source()
			began := time.Now()
			if _, err := s.Get(t.Context()); err != nil {
				t.Fatal(err)
			}
			server.err, server.hangs = errors.New("down"), hangs
			var delays time.Duration
			for time.Since(began) < time.Hour-11*time.Second {
				<-time.After(time.Second)
				s.Doubt(1)
				before := time.Now()
				if got, err := s.Get(t.Context()); got != 1 || err != nil {
					t.Fatalf("%d, %v", got, err)
				}
				delays = max(delays, time.Since(before))
			}
			if delays > renewalTime {
				t.Errorf("a caller waited %s", delays)
			}
			if server.asked != 6 { // after 0, 1, 3, 7, 15 and 31 minutes
				t.Errorf("asked %d times in an hour", server.asked)
			}
			server.err, server.hangs = nil, 0
			<-time.After(11 * time.Second)
			asked := server.asked
			if got, err := s.Get(t.Context()); got != asked+1 || err != nil {
				t.Errorf("at the end: %d, %v", got, err)
			}
		})
	}
}

// TestForgetCurrent: a credential that is being replaced is not the current one any more.
func TestForgetCurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &server{}
		s := server.source()
		if _, err := s.Get(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-time.After(firstRenewal)
		s.Doubt(1)
		server.hangs = time.Second
		go func() { _, _ = s.Get(t.Context()) }()
		synctest.Wait()
		if s.Forget(1) {
			t.Error("current while another is fetched")
		}
		if got, err := s.Get(t.Context()); got != 2 || err != nil {
			t.Errorf("%d, %v", got, err)
		}
		if s.Forget(1) {
			t.Error("current after another was fetched")
		}
		if !s.Forget(2) {
			t.Error("not current")
		}
	})
}

func TestForget(t *testing.T) {
	server := &server{}
	s := server.source()
	for _, step := range []struct{ forget, want int }{{0, 1}, {7, 1}, {1, 2}, {1, 2}} {
		s.Forget(step.forget)
		if got, err := s.Get(t.Context()); got != step.want || err != nil {
			t.Errorf("%+v: %d, %v", step, got, err)
		}
	}
}

// TestRecent checks that the last few credentials are returned, also those that were forgotten or have ended.
func TestRecent(t *testing.T) {
	server := &server{}
	s := server.source()
	var got []int
	for range remembered + 2 {
		value, err := s.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.Forget(value)
		got = s.Recent()
	}
	want := []int{server.asked}
	for len(want) < remembered {
		want = append(want, want[len(want)-1]-1)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestNothingIsAskedForACallerWithoutTime(t *testing.T) {
	server := &server{}
	s := server.source()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Get(ctx); !errors.Is(err, context.Canceled) || server.asked != 0 {
		t.Errorf("%v, asked %d times", err, server.asked)
	}
}

// The pauses grow up to their limit, last as long as the server asks for if
// that is longer, and start anew after a success.
func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		server := &server{err: down}
		s := server.source()
		next := func(want time.Duration) {
			t.Helper()
			before := server.asked
			if _, err := s.Get(t.Context()); !errors.Is(err, down) || errors.As(err, new(*Paused)) ||
				server.asked != before+1 {
				t.Fatalf("%v, asked %d times", err, server.asked-before)
			}
			_, err := s.Get(t.Context())
			if p, ok := errors.AsType[*Paused](err); !ok || p.For != want || !errors.Is(err, down) ||
				server.asked != before+1 {
				t.Errorf("%v, want a pause of %s", err, want)
			}
			<-time.After(want)
		}
		for _, seconds := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			next(seconds * time.Second)
		}
		server.wait = 5 * time.Minute
		next(server.wait)
		server.err, server.wait = nil, 0
		if got, err := s.Get(t.Context()); err != nil {
			t.Error(err)
		} else {
			s.Forget(got)
		}
		server.err = down
		next(time.Second)
		if pause(1<<40) != maxPause {
			t.Error("pauses overflow")
		}
	})
}

// A fetch that does not return is abandoned, and its later result is ignored.
func TestFetchThatDoesNotReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var asked atomic.Int64
		s := New(func(context.Context) (Fetched[int64], error) {
			n := asked.Add(1)
			if n == 1 {
				<-release
			}
			return Fetched[int64]{Value: n}, nil
		}, func(error) time.Duration { return 0 })
		start := time.Now()
		if _, err := s.Get(t.Context()); !errors.Is(err, context.DeadlineExceeded) ||
			time.Since(start) != fetchTime+grace {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		<-time.After(firstPause)
		second := func() {
			if got, err := s.Get(t.Context()); got != 2 || err != nil {
				t.Errorf("%d, %v", got, err)
			}
		}
		second()
		close(release)
		synctest.Wait()
		second()
	})
}
