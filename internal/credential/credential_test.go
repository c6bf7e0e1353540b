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

func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &server{}
		s := server.source()
		for _, step := range []struct {
			pause       time.Duration
			value, want int
		}{{0, 0, 1}, {0, 1, 1}, {freshFor - 1, 1, 1}, {1, 7, 1}, {0, 1, 2}, {freshFor - 1, 2, 2}, {1, 1, 2}, {0, 2, 3}} {
			<-time.After(step.pause)
			s.Refresh(step.value)
			synctest.Wait()
			if got, err := s.Get(t.Context()); got != step.want || err != nil {
				t.Errorf("%+v: %d, %v", step, got, err)
			}
		}
	})
}

// TestRefreshInVain checks that a refresh takes nothing away and makes nobody wait, whether the server fails or hangs,
// and that the server is left alone after a failure.
func TestRefreshInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &server{}
		s := server.source()
		if _, err := s.Get(t.Context()); err != nil {
			t.Fatal(err)
		}
		server.err, server.hangs = errors.New("down"), time.Minute
		const lasts = 10 * time.Minute
		for began := time.Now(); time.Since(began) < lasts; {
			<-time.After(time.Second)
			s.Refresh(1)
			before := time.Now()
			if got, err := s.Get(t.Context()); got != 1 || err != nil || time.Since(before) != 0 {
				t.Fatalf("%d, %v after %s", got, err, time.Since(before))
			}
		}
		if most := 1 + 16; server.asked > most { // the pauses grow to a minute
			t.Errorf("asked %d times, want %d at most", server.asked, most)
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
