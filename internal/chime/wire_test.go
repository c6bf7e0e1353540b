package chime

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// suspended is the context that a process has after its machine was suspended:
// past its deadline by the wall clock, while its timer is still running.
type suspended struct{ context.Context }

func (suspended) Deadline() (time.Time, bool) { return time.Now().Round(0).Add(-time.Second), true }

func TestNothingIsSentTooLate(t *testing.T) {
	server, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	c := newClient(t, server.URL)
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	expired, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	for want, ctx := range map[string]context.Context{
		"timeout: the attempt's deadline passed before the request was sent": suspended{context.Background()},
		"timeout: no answer within the attempt's deadline":                   expired,
		"canceled before a response arrived":                                 cancelled,
	} {
		_, e := attemptWith(ctx, t, c)
		if e == nil || *e != (logout.Error{Reason: logout.EndpointUnreachable, Message: want}) {
			t.Errorf("got %+v, want %q", e, want)
		}
	}
	if n := requests.Load(); n != 0 {
		t.Errorf("%d requests on the wire", n)
	}
	if _, err := c.Logout(context.Background(), account, user); err != nil {
		t.Errorf("without a deadline: %v", err)
	}
}

// Every worker keeps a connection.
func TestConnectionPool(t *testing.T) {
	const workers = httpcall.MaxConnections
	var arrived sync.WaitGroup
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived.Done()
		arrived.Wait()
		w.WriteHeader(http.StatusNoContent)
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	c := newClient(t, server.URL)
	for range 2 {
		arrived.Add(workers)
		var calls sync.WaitGroup
		for range workers {
			calls.Go(func() {
				if _, e := attempt(t, c); e != nil {
					t.Error(e)
				}
			})
		}
		calls.Wait()
	}
	if n := connections.Load(); n != workers {
		t.Errorf("%d connections for %d workers", n, workers)
	}
}
