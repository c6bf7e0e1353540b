package chime

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// Endpoints that accept the request and send no valid answer.
func TestNoAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		answer func(net.Conn)
		want   string
	}{
		"closed": {func(net.Conn) {}, "connection closed before a valid HTTP response arrived"},
		"reset":  {func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }, "connection reset"},
		"half a header": {func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\nx-amzn-Req") },
			"connection closed before a valid HTTP response arrived"},
		"not HTTP": {func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.9\r\n") },
			"connection closed before a valid HTTP response arrived"},
		"endless headers": {endlessHeaders, "connection closed before a valid HTTP response arrived"},
	} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int64
			endpoint := serveConn(t, func(c net.Conn) {
				if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					requests.Add(1)
					tc.answer(c)
				}
			})
			_, e := attempt(t, newClient(t, endpoint))
			if e == nil || *e != (logout.Error{Reason: logout.EndpointUnreachable, Message: tc.want}) {
				t.Errorf("got %+v", e)
			}
			if n := requests.Load(); n != 1 {
				t.Errorf("%d requests on the wire", n)
			}
		})
	}
}

func endlessHeaders(c net.Conn) {
	_, err := io.WriteString(c, "HTTP/1.1 500 Oops\r\n")
	for err == nil {
		_, err = io.WriteString(c, "X-Filler: "+strings.Repeat("x", 1000)+"\r\n")
	}
}

// An idle connection that is closed while the next request is being sent: the
// service may have acted on the request, so it is not sent again.
func TestConnectionClosedUnderARequest(t *testing.T) {
	var requests atomic.Int64
	endpoint := serveConn(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		if _, err := http.ReadRequest(in); err == nil {
			requests.Add(1)
			_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
		}
		if _, err := http.ReadRequest(in); err == nil {
			requests.Add(1)
		}
	})
	c := newClient(t, endpoint)
	if _, e := attempt(t, c); e != nil {
		t.Fatal(e)
	}
	if _, e := attempt(t, c); e == nil || e.Reason != logout.EndpointUnreachable {
		t.Errorf("got %+v", e)
	}
	if n := requests.Load(); n != 2 {
		t.Errorf("%d requests on the wire for 2 calls", n)
	}
}

// A silent endpoint, and one that sends the body of an error byte by byte,
// delay a call until the attempt's deadline and no longer.
func TestSlowAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		first string
		want  logout.Reason
	}{
		"never":              {"", logout.EndpointUnreachable},
		"one byte a second":  {"HTTP/1.1 500 Oops\r\nContent-Length: 1000000\r\n\r\n", logout.ServiceFailure},
		"slowly, no failure": {"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", logout.UnexpectedResponse},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, "http://127.0.0.1")
				var servers sync.WaitGroup
				defer servers.Wait()
				defer c.Close()
				transport(c).DialContext = func(context.Context, string, string) (net.Conn, error) {
					client, server := net.Pipe()
					servers.Go(func() { trickle(server, tc.first) })
					return client, nil
				}
				start := time.Now()
				_, e := attempt(t, c)
				if e == nil || e.Reason != tc.want || e.ProviderWide {
					t.Errorf("got %+v", e)
				}
				if e.Reason == logout.EndpointUnreachable &&
					e.Message != "timeout: no answer within the attempt's deadline" {
					t.Error(e.Message)
				}
				if took := time.Since(start); took > 10*time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// trickle answers a request with first, and then sends one byte a second. If
// first is empty, it sends nothing until the client closes the connection.
func trickle(c net.Conn, first string) {
	defer c.Close()
	_, err := http.ReadRequest(bufio.NewReader(c))
	if first == "" {
		_, err = c.Read(make([]byte, 1)) // until the client closes the connection
	} else if err == nil {
		_, err = io.WriteString(c, first)
	}
	for tick := time.Tick(time.Second); err == nil; <-tick {
		_, err = io.WriteString(c, "x")
	}
}

func TestHugeBodies(t *testing.T) {
	for _, status := range []int{200, 307, 400, 500} {
		var written atomic.Int64
		server, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			filler := make([]byte, 1<<20)
			for range 1 << 10 {
				n, err := w.Write(filler)
				written.Add(int64(n))
				if err != nil {
					return
				}
			}
		})
		_, e := attempt(t, newClient(t, server.URL))
		server.Close() // waits for the handler
		if e == nil || e.HTTPStatusCode != status {
			t.Errorf("%d: got %+v", status, e)
		}
		if n := written.Load(); n > 64<<20 { // the capacity of the sockets' buffers
			t.Errorf("%d: %d bytes written", status, n)
		}
		if n := requests.Load(); n != 1 {
			t.Errorf("%d: %d requests on the wire", status, n)
		}
	}
}

func TestRefused(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	_, e := attempt(t, newClient(t, server.URL))
	if e == nil || *e != (logout.Error{Reason: logout.EndpointUnreachable, ProviderWide: true,
		Message: "connection refused"}) {
		t.Errorf("got %+v", e)
	}
}

func TestNameNotResolved(t *testing.T) {
	c := newClient(t, "https://chime.example")
	transport(c).Proxy = nil
	transport(c).DialContext = (&net.Dialer{Resolver: &net.Resolver{
		PreferGo: true,
		Dial:     func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed },
	}}).DialContext
	_, e := attempt(t, c)
	if e == nil || *e != (logout.Error{Reason: logout.EndpointUnreachable, ProviderWide: true,
		Message: "DNS: the host name could not be looked up"}) {
		t.Errorf("got %+v", e)
	}
}

func TestNoTLS(t *testing.T) {
	for name, tc := range map[string]struct {
		server func(*httptest.Server)
		client func(*tls.Config)
		want   string
	}{
		"unknown authority": {func(s *httptest.Server) { s.StartTLS() }, func(*tls.Config) {},
			"TLS: certificate signed by unknown authority"},
		"other host": {func(s *httptest.Server) { s.StartTLS() },
			func(c *tls.Config) { c.ServerName = "chime.aws" }, "TLS: certificate is for another host name"},
		"expired": {func(s *httptest.Server) { s.StartTLS() }, func(c *tls.Config) {
			c.Time = func() time.Time { return time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC) }
		}, "TLS: certificate has expired or is not yet valid"},
		"TLS 1.1": {func(s *httptest.Server) {
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
			s.StartTLS()
		}, func(*tls.Config) {}, "TLS: the endpoint refused the handshake (protocol version not supported)"},
		"client certificate": {func(s *httptest.Server) {
			s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
			s.StartTLS()
		}, func(*tls.Config) {}, "TLS: the endpoint asks for a client certificate, and the provider names none"},
		"client certificate, TLS 1.2": {func(s *httptest.Server) {
			s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}
			s.StartTLS()
		}, func(*tls.Config) {}, "TLS: the endpoint refused the handshake (handshake failure); " +
			"the endpoint asks for a client certificate, and the provider names none"},
		"plain HTTP": {func(s *httptest.Server) { s.Start() }, func(*tls.Config) {},
			"TLS: the endpoint does not speak TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(
				http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("request seen") }))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			tc.server(server)
			defer server.Close()
			c := newClient(t, "https://"+server.Listener.Addr().String())
			if name != "unknown authority" && server.Certificate() != nil {
				transport(c).TLSClientConfig.RootCAs =
					server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
			}
			tc.client(transport(c).TLSClientConfig)
			_, e := attempt(t, c)
			if e == nil || *e != (logout.Error{Reason: logout.EndpointUnreachable, ProviderWide: true,
				Message: tc.want}) {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func TestProxyRefuses(t *testing.T) {
	server, requests := serve(t,
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) })
	c := newClient(t, "https://chime.example")
	transport(c).Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(server.URL) }
	_, e := attempt(t, c)
	if e == nil || *e != (logout.Error{Reason: logout.EndpointUnreachable, ProviderWide: true,
		Message: "the proxy asks for a user and password (HTTP 407): put them into the URL in HTTPS_PROXY"}) {
		t.Errorf("got %+v", e)
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests to the proxy", n)
	}
}

// A proxy that answers CONNECT with all that HTTP allows gets no request, and
// delays no caller beyond the deadline.
func TestHostileProxy(t *testing.T) {
	for name, answer := range map[string]func(net.Conn){
		"101": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
		},
		"204": func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n") },
		"302": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n")
		},
		"header without end": endlessHeaders,
		"1xx without end": func(c net.Conn) {
			for err := error(nil); err == nil; {
				_, err = io.WriteString(c, strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100))
			}
		},
		"no HTTP": func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.9\r\n") },
		"no TLS afterwards": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			proxy := serveConn(t, func(c net.Conn) {
				if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil && r.Method == http.MethodConnect {
					answer(c)
				} else if r != nil {
					t.Errorf("the proxy got %s", r.Method)
				}
			})
			c := newClient(t, "https://chime.example")
			transport(c).Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(proxy) }
			if receipt, e := attempt(t, c); e == nil || e.Reason != logout.EndpointUnreachable {
				t.Errorf("%+v, %+v", receipt, e)
			}
		})
	}
}
