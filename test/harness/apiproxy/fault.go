package apiproxy

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/test/harness/await"
)

// Response of the API server; nil if the connection is reset instead.
type Response = *httptest.ResponseRecorder

// Fault handles one request. The operator gets the answer that it returns. forward makes the API server carry out the
// request, even if the operator has already hung up; a fault need not call it.
type Fault func(forward func() Response) Response

// Dropped requests never arrive.
func Dropped(func() Response) Response { return nil }

// Unanswered requests are carried out, but the operator gets no answer.
func Unanswered(forward func() Response) Response {
	forward()
	return nil
}

// Refused requests are not carried out, but answered. The header is given as name, value, name, value.
func Refused(status int, header ...string) Fault {
	return func(func() Response) Response {
		a := httptest.NewRecorder()
		for pair := range slices.Chunk(header, 2) {
			a.Header().Set(pair[0], pair[1])
		}
		http.Error(a, http.StatusText(status), status)
		return a
	}
}

// Denied requests are carried out, but the answer says that they were not.
func Denied(status int, header ...string) Fault {
	return func(forward func() Response) Response {
		forward()
		return Refused(status, header...)(forward)
	}
}

// Before runs f when the request arrives, and then drops the request.
func Before(f func()) Fault {
	return func(func() Response) Response {
		f()
		return nil
	}
}

// After runs f when the request has been carried out, and sends no answer.
func After(f func()) Fault {
	return func(forward func() Response) Response {
		forward()
		f()
		return nil
	}
}

// Times repeats a fault for the next n requests.
func Times(n int, f Fault) []Fault { return slices.Repeat([]Fault{f}, n) }

// expired is the API server's answer to a client that asks for changes since a resourceVersion that it has forgotten.
var expired = metav1.Status{
	TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
	Status:   metav1.StatusFailure, Code: http.StatusGone, Reason: metav1.StatusReasonExpired,
	Message: "too old resource version",
}

func gone(func() Response) Response {
	a := httptest.NewRecorder()
	a.Header().Set("Content-Type", "application/json")
	a.WriteHeader(http.StatusGone)
	_ = json.NewEncoder(a).Encode(expired) // a write to memory cannot fail
	return a
}

// Gate holds the requests whose fault is its Hold, Lose or HoldAnswer, until it is opened.
type Gate struct {
	state    await.State
	arrivals int
	opened   chan struct{}
	open     func()
}

// NewGate returns a gate that is opened at the end of the test at the latest.
func NewGate(t testing.TB) *Gate {
	opened := make(chan struct{})
	g := &Gate{opened: opened, open: sync.OnceFunc(func() { close(opened) })}
	t.Cleanup(g.Open)
	return g
}

// Open lets all held and later requests continue.
func (g *Gate) Open() { g.open() }

// Hold is a fault: the request is carried out once the gate is open, however late.
func (g *Gate) Hold(forward func() Response) Response {
	g.wait()
	return forward()
}

// Lose is a fault: the request hangs until the gate is open, and is then dropped.
func (g *Gate) Lose(func() Response) Response {
	g.wait()
	return nil
}

// HoldAnswer is a fault: the request is carried out at once, and answered once the gate is open.
func (g *Gate) HoldAnswer(forward func() Response) Response {
	a := forward()
	g.wait()
	return a
}

func (g *Gate) wait() {
	g.state.Change(func() { g.arrivals++ })
	<-g.opened
}

// AwaitArrivals returns when at least n requests have arrived at the gate.
func (g *Gate) AwaitArrivals(t testing.TB, n int) {
	t.Helper()
	g.state.Await(t, "requests at the gate", func() bool { return g.arrivals >= n })
}
