package faults

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// answer of the API server; nil for a connection that is reset instead.
type answer = *httptest.ResponseRecorder

// fault is what becomes of one write. What it returns goes to the operator; forward has the API server carry the write
// out, and need not be called.
type fault func(forward func() answer) answer

// dropped: the write never arrives.
func dropped(func() answer) answer { return nil }

// unanswered: the write is carried out, and the operator does not get to know.
func unanswered(forward func() answer) answer {
	forward()
	return nil
}

// refused: the write is not carried out, but answered. The header is given as name, value, name, value.
func refused(status int, header ...string) fault {
	return func(func() answer) answer {
		a := httptest.NewRecorder()
		for pair := range slices.Chunk(header, 2) {
			a.Header().Set(pair[0], pair[1])
		}
		http.Error(a, http.StatusText(status), status)
		return a
	}
}

// denied: the write is carried out, and answered as if it had not been.
func denied(status int, header ...string) fault {
	return func(forward func() answer) answer {
		forward()
		return refused(status, header...)(forward)
	}
}

// before: f runs when the write arrives, which then gets no further.
func before(f func()) fault {
	return func(func() answer) answer {
		f()
		return nil
	}
}

// after: f runs when the write has been carried out, but not answered, which it never is.
func after(f func()) fault {
	return func(forward func() answer) answer {
		forward()
		f()
		return nil
	}
}

// times repeats a fault for the next n writes.
func times(n int, f fault) []fault { return slices.Repeat([]fault{f}, n) }

// gate holds the writes whose fault is its hold, until it is opened.
type gate struct {
	state
	arrivals int
	opened   chan struct{}
	open     func()
}

func newGate(t *testing.T) *gate {
	opened := make(chan struct{})
	g := &gate{opened: opened, open: sync.OnceFunc(func() { close(opened) })}
	t.Cleanup(g.open)
	return g
}

func (g *gate) hold(forward func() answer) answer {
	g.change(func() { g.arrivals++ })
	<-g.opened
	return forward()
}

// awaitArrivals returns when n writes or more have come to the gate.
func (g *gate) awaitArrivals(t *testing.T, n int) {
	t.Helper()
	g.await(t, "writes at the gate", func() bool { return g.arrivals >= n })
}
