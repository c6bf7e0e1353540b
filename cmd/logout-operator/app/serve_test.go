package app

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
)

// servers starts an operator's servers and returns their addresses.
func servers(t *testing.T) (health, metrics string) {
	t.Helper()
	free := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}
	health, metrics = free(), free()
	mgr, err := newManager(plane.Config, Options{
		HealthAddress: health, MetricsAddress: metrics, Logger: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return health, metrics
}

// TestServersAreBounded checks that a client without a token can neither fill the memory nor keep other clients away.
func TestServersAreBounded(t *testing.T) {
	health, metrics := servers(t)
	trusting := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}}
	for _, tt := range []struct {
		name, address, path string
		dial                func(address string) (net.Conn, error)
		want                int
	}{
		{"health", health, "/healthz", func(a string) (net.Conn, error) { return net.Dial("tcp", a) }, http.StatusOK},
		{"metrics", metrics, "/metrics", func(a string) (net.Conn, error) { return tls.Dial("tcp", a, trusting) },
			http.StatusUnauthorized},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dial := func() net.Conn {
				t.Helper()
				conn, err := tt.dial(tt.address)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { conn.Close() })
				return conn
			}
			ask := func(header string) int {
				t.Helper()
				conn := dial()
				defer conn.Close()
				if over, ok := conn.(*tls.Conn); ok && over.ConnectionState().NegotiatedProtocol == "h2" {
					t.Error("HTTP/2, of which a connection has many requests")
				}
				go func() {
					_, _ = io.WriteString(conn, "GET "+tt.path+" HTTP/1.1\r\nHost: a\r\nX: "+header+"\r\n\r\n")
				}()
				answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer answer.Body.Close()
				return answer.StatusCode
			}
			if got := ask(strings.Repeat("a", maxHeader/2)); got != tt.want {
				t.Errorf("answered %d", got)
			}
			if got := ask(strings.Repeat("a", maxHeader)); got != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("a large header is answered %d", got)
			}
			var idle []net.Conn
			for range 2 * maxConnections {
				conn := dial()
				if _, err := io.WriteString(conn, "GET "); err != nil {
					t.Fatal(err)
				}
				idle = append(idle, conn)
			}
			if got := ask(""); got != tt.want {
				t.Errorf("beside idle connections: answered %d", got)
			}
			if err := idle[0].SetReadDeadline(time.Now().Add(requestTimeout / 2)); err != nil {
				t.Fatal(err)
			}
			// On a slow machine its request has timed out before, and is answered 400.
			if _, err := io.Copy(io.Discard, idle[0]); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the oldest connection is not closed: %v", err)
			}
		})
	}
}
