package httpcall

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// transport is a function that sends a request.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (transport) CloseIdleConnections() {}

// endless is a body that returns one byte a second until it is closed, and
// ignores the context.
type endless struct{ closed chan struct{} }

func newEndless() endless { return endless{make(chan struct{})} }

func (e endless) Read(b []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		return copy(b, "x"), nil
	case <-e.closed:
		return 0, io.ErrClosedPipe
	}
}

func (e endless) Close() error {
	select {
	case <-e.closed:
	default:
		close(e.closed)
	}
	return nil
}

// Whatever a transport does, a call ends with its context, or within MaxTime if
// the context has no deadline.
func TestEveryCallEnds(t *testing.T) {
	answer := func(status int, body io.ReadCloser) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Body: body, Header: http.Header{}}, nil
		}
	}
	for name, tc := range map[string]struct {
		send   func(release <-chan struct{}) transport
		within time.Duration // after the deadline
		status int           // 0 for none
	}{
		"a transport that never returns": {func(release <-chan struct{}) transport {
			return func(*http.Request) (*http.Response, error) {
				<-release
				return answer(204, http.NoBody)(nil)
			}
		}, grace, 0},
		"a body without end":           {func(<-chan struct{}) transport { return answer(500, newEndless()) }, 0, 500},
		"a connection that was handed": {func(<-chan struct{}) transport { return answer(101, newEndless()) }, 0, 101},
	} {
		t.Run(name, func(t *testing.T) {
			for _, deadline := range []time.Duration{10 * time.Second, 0} {
				synctest.Test(t, func(t *testing.T) {
					release := make(chan struct{})
					defer close(release)
					w := &Wire{Transport: tc.send(release)}
					ctx, limit := t.Context(), MaxTime
					if deadline != 0 {
						limit = deadline
						var cancel func()
						ctx, cancel = context.WithTimeout(ctx, deadline)
						defer cancel()
					}
					req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://service.example", nil)
					if err != nil {
						t.Fatal(err)
					}
					start := time.Now()
					a, err := w.Call(req)
					if took := time.Since(start); took > limit+tc.within {
						t.Errorf("took %s of %s", took, limit)
					}
					switch {
					case tc.status == 0 && (err == nil || !strings.Contains(err.Error(), "timeout")):
						t.Errorf("%+v, %v", a, err)
					case tc.status != 0 && (err != nil || a.Status != tc.status || a.Partial != (tc.status == 500)):
						t.Errorf("%+v, %v", a, err)
					}
				})
			}
		})
	}
}

// A partial answer is neither a success nor final.
func TestPartial(t *testing.T) {
	a := &Response{Status: 404, Body: []byte(`{"a":1}`), Partial: true}
	if a.JSON(new(any)) {
		t.Error("half an answer is JSON")
	}
	if e := a.Failure(Finding{Reason: logout.NotFound, Operation: "Logout"}); e.Reason != logout.UnexpectedResponse ||
		e.Reason.Class() != logout.RetrySlowly {
		t.Errorf("%+v", e)
	}
	if a.Partial = false; !a.JSON(new(any)) || a.Failure(Finding{Reason: logout.NotFound}).Reason != logout.NotFound {
		t.Error("a whole answer says nothing")
	}
}
