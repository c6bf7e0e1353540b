package faults

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"testing"

	"k8s.io/client-go/rest"
)

// kind of a write of the operator.
type kind string

const (
	claim   kind = "claim"
	outcome kind = "outcome"
	lease   kind = "lease"
)

// kinds tells them by verb and path, whose last part in parentheses is the name of the object.
var kinds = []struct {
	kind   kind
	method string
	path   *regexp.Regexp
}{
	{claim, http.MethodPut, regexp.MustCompile(`/userlogouts/([^/]+)/status$`)},
	{outcome, http.MethodPatch, regexp.MustCompile(`/userlogouts/([^/]+)/status$`)},
	{lease, http.MethodPut, regexp.MustCompile(`/leases/([^/]+)$`)},
}

// write names the writes of one kind to one object. The zero write stands for all other requests.
type write struct {
	kind kind
	name string
}

func writeOf(r *http.Request) write {
	for _, k := range kinds {
		if m := k.path.FindStringSubmatch(r.URL.Path); m != nil && r.Method == k.method {
			return write{k.kind, m[1]}
		}
	}
	return write{}
}

// proxy stands between the operator and the API server, and passes the operator's token on: RBAC sees who asks.
type proxy struct {
	url string
	ca  []byte // PEM; by TLS only does client-go send a token

	upstream *httputil.ReverseProxy
	state
	faults  map[write][]fault
	done    map[write]int
	link    context.Context // to the API server; every request ends with it
	cutLink context.CancelFunc
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	target, err := url.Parse(plane.Config.Host)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(rest.AnonymousClientConfig(plane.Config))
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{faults: map[write][]fault{}, done: map[write]int{}}
	p.upstream = &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1, // watches
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:      log.New(io.Discard, "", 0), // requests that end with the link
	}
	p.mend()
	server := httptest.NewTLSServer(p)
	t.Cleanup(func() {
		_ = server.Config.Close() // watches, which httptest would wait for
		p.cut()
	})
	p.url = server.URL
	p.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return p
}

// meet has the next writes of the kind to the object meet these faults, one after the other.
func (p *proxy) meet(k kind, name string, faults ...fault) {
	p.change(func() { p.faults[write{k, name}] = faults })
}

// awaitWrites returns when n writes or more have been dealt with, whatever came of them.
func (p *proxy) awaitWrites(t *testing.T, k kind, name string, n int) {
	t.Helper()
	p.await(t, fmt.Sprintf("%d writes of the %s of %s", n, k, name), func() bool { return p.done[write{k, name}] >= n })
}

// writes returns how many writes have been dealt with.
func (p *proxy) writes(k kind, name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done[write{k, name}]
}

// cut makes the API server unreachable: requests under way, watches too, break off and new ones come to nothing.
func (p *proxy) cut() { p.change(func() { p.cutLink() }) }

// mend makes the API server reachable again.
func (p *proxy) mend() {
	p.change(func() { p.link, p.cutLink = context.WithCancel(context.Background()) })
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Only once the body is read does the server notice that the operator hangs up.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	r = r.WithContext(ctx)
	r.Body = io.NopCloser(bytes.NewReader(body))

	this := writeOf(r)
	var f fault
	p.change(func() {
		if queue := p.faults[this]; len(queue) > 0 {
			f, p.faults[this] = queue[0], queue[1:]
		}
	})
	defer p.change(func() { p.done[this]++ })
	if f == nil {
		defer p.tie(cancel)()
		p.upstream.ServeHTTP(w, r)
		return
	}
	a := f(func() answer {
		defer p.tie(cancel)()
		a := httptest.NewRecorder()
		p.upstream.ServeHTTP(a, r)
		return a
	})
	if a == nil {
		reset(w)
		return
	}
	for name, values := range a.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(a.Code)
	_, _ = w.Write(a.Body.Bytes()) // an operator that is gone needs no answer
}

// tie ends a request with the link as it is now, until the function it returns is called.
func (p *proxy) tie(cancel context.CancelFunc) (untie func() bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.link.Err() != nil {
		cancel() // now: AfterFunc would leave the request a moment to get through
	}
	return context.AfterFunc(p.link, cancel)
}

// reset ends a request by resetting its connection.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	raw := conn.(*tls.Conn).NetConn().(*net.TCPConn)
	_ = raw.SetLinger(0) // closing then sends a reset
	_ = raw.Close()
}
