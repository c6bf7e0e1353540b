package apiproxy

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/test/await"
)

// Answer of the API server; nil for a connection that is reset instead.
type Answer = *httptest.ResponseRecorder

// Fault is what becomes of one request. What it returns goes to the operator; forward has the API server carry the request
// out, even if the operator has hung up by then, and need not be called.
type Fault func(forward func() Answer) Answer

// Dropped requests never arrive.
func Dropped(func() Answer) Answer { return nil }

// Unanswered requests are carried out, and the operator does not get to know.
func Unanswered(forward func() Answer) Answer {
	forward()
	return nil
}

// Refused requests are not carried out, but answered. The header is given as name, value, name, value.
func Refused(status int, header ...string) Fault {
	return func(func() Answer) Answer {
		a := httptest.NewRecorder()
		for pair := range slices.Chunk(header, 2) {
			a.Header().Set(pair[0], pair[1])
		}
		http.Error(a, http.StatusText(status), status)
		return a
	}
}

// Denied requests are carried out, and answered as if they had not been.
func Denied(status int, header ...string) Fault {
	return func(forward func() Answer) Answer {
		forward()
		return Refused(status, header...)(forward)
	}
}

// Before runs f when the request arrives, which then gets no further.
func Before(f func()) Fault {
	return func(func() Answer) Answer {
		f()
		return nil
	}
}

// After runs f when the request has been carried out, but not answered, which it never is.
func After(f func()) Fault {
	return func(forward func() Answer) Answer {
		forward()
		f()
		return nil
	}
}

// Times repeats a fault for the next n requests.
func Times(n int, f Fault) []Fault { return slices.Repeat([]Fault{f}, n) }

// expired is what the API server says to who asks for changes since a time that it has forgotten.
var expired = metav1.Status{
	TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
	Status:   metav1.StatusFailure, Code: http.StatusGone, Reason: metav1.StatusReasonExpired,
	Message: "too old resource version",
}

func gone(func() Answer) Answer {
	a := httptest.NewRecorder()
	a.Header().Set("Content-Type", "application/json")
	a.WriteHeader(http.StatusGone)
	_ = json.NewEncoder(a).Encode(expired) // to memory
	return a
}

// Gate holds the requests whose fault is its Hold or its Lose, until it is opened.
type Gate struct {
	state    await.State
	arrivals int
	opened   chan struct{}
	open     func()
}

// NewGate returns a gate that is opened when the test is over, if not before.
func NewGate(t testing.TB) *Gate {
	opened := make(chan struct{})
	g := &Gate{opened: opened, open: sync.OnceFunc(func() { close(opened) })}
	t.Cleanup(g.Open)
	return g
}

// Open lets all requests go on that are held, and those to come.
func (g *Gate) Open() { g.open() }

// Hold is a fault: the request is carried out once the gate is open, late though it may be.
func (g *Gate) Hold(forward func() Answer) Answer {
	g.wait()
	return forward()
}

// Lose is a fault: the request hangs until the gate is open, and comes to nothing.
func (g *Gate) Lose(func() Answer) Answer {
	g.wait()
	return nil
}

// HoldAnswer is a fault: the request is carried out at once, and answered once the gate is open.
func (g *Gate) HoldAnswer(forward func() Answer) Answer {
	a := forward()
	g.wait()
	return a
}

func (g *Gate) wait() {
	g.state.Change(func() { g.arrivals++ })
	<-g.opened
}

// AwaitArrivals returns when n requests or more have come to the gate.
func (g *Gate) AwaitArrivals(t testing.TB, n int) {
	t.Helper()
	g.state.Await(t, "requests at the gate", func() bool { return g.arrivals >= n })
}
