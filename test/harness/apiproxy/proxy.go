// Package apiproxy is a proxy between an operator and a real API server. It loses, holds or answers single requests,
// holds back or loses watch events, and shows the past.
//
//	api := apiproxy.New(t, plane.Config)
//	access.Host, access.CAData = api.URL, api.CA // of the operator
//	api.Meet(apiproxy.Claim, "jane", apiproxy.Unanswered)
//	// ... the claim of the object jane is stored, but the operator gets no answer
package apiproxy

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
	"slices"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/logout-operator/logout-operator/test/harness/await"
)

// Kind of a write of the operator.
type Kind string

// The kinds of writes that faults are tied to.
const (
	Claim   Kind = "claim" // any status that has a resourceVersion as its precondition
	Outcome Kind = "outcome"
	Lease   Kind = "lease"
)

// kinds tells the kinds apart by verb and path. The last part of the path, in parentheses, is the name of the object.
var kinds = []struct {
	kind   Kind
	method string
	path   *regexp.Regexp
}{
	{Claim, http.MethodPut, regexp.MustCompile(`/userlogouts/([^/]+)/status$`)},
	{Outcome, http.MethodPatch, regexp.MustCompile(`/userlogouts/([^/]+)/status$`)},
	{Lease, http.MethodPut, regexp.MustCompile(`/leases/([^/]+)$`)},
}

// write identifies the writes of one kind to one object. The zero write stands for all other requests.
type write struct {
	kind Kind
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

// Proxy passes the operator's token on, so that RBAC sees who asks. Its methods may be called at any time from any
// goroutine.
type Proxy struct {
	// URL and CA, in PEM, are the operator's access. It uses TLS because client-go sends a token only over TLS.
	URL string
	CA  []byte

	upstream *httputil.ReverseProxy
	admin    *rest.Config
	state    await.State
	faults   map[write][]Fault
	choose   func(Kind, string) Fault
	all      Fault            // of every request; nil while the API server works
	answers  map[write][]int  // status codes, 0 for none
	events   map[string]*held // by the object's name
	watches  map[*stream]bool
	past     *past                    // nil: show the present
	blind    map[string]chan struct{} // paths that cannot be read until the channel is closed
	oldest   uint64                   // the oldest resourceVersion to watch from

	link    context.Context // context of the connection to the API server; every request ends with it
	cutLink context.CancelFunc
}

// New starts a proxy to the API server of the administrator's access. It ends with the test.
func New(t testing.TB, admin *rest.Config) *Proxy {
	t.Helper()
	target, err := url.Parse(admin.Host)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(rest.AnonymousClientConfig(admin))
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{admin: admin, faults: map[write][]Fault{}, answers: map[write][]int{}, events: map[string]*held{},
		watches: map[*stream]bool{},
		blind:   map[string]chan struct{}{}}
	p.upstream = &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1, // flush the events of watches at once
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:      log.New(io.Discard, "", 0), // do not log requests that end with the link
	}
	p.Restore()
	server := httptest.NewUnstartedServer(p)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // do not log operators that are killed
	server.StartTLS()
	t.Cleanup(func() {
		_ = server.Config.Close() // close watches, for which httptest would wait
		p.Cut()
	})
	p.URL = server.URL
	p.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return p
}

// Meet applies these faults to the next writes of the kind to the object, one after the other.
func (p *Proxy) Meet(k Kind, name string, faults ...Fault) {
	p.state.Change(func() { p.faults[write{k, name}] = slices.Clone(faults) })
}

// Choose makes f choose a fault for every write for which Meet has none; nil means no fault. A nil f ends that.
func (p *Proxy) Choose(f func(k Kind, name string) Fault) {
	p.state.Change(func() { p.choose = f })
}

// AwaitWrites returns when at least n writes have been handled, whatever their result.
func (p *Proxy) AwaitWrites(t testing.TB, k Kind, name string, n int) {
	t.Helper()
	p.AwaitAnswers(t, k, name, fmt.Sprint(n), func(codes []int) bool { return len(codes) >= n })
}

// AwaitAnswers returns when enough accepts the answers to the writes handled so far: see Answers.
func (p *Proxy) AwaitAnswers(t testing.TB, k Kind, name, which string, enough func(codes []int) bool) {
	t.Helper()
	what := fmt.Sprintf("%s writes of the %s of %s", which, k, name)
	p.state.Await(t, what, func() bool { return enough(p.answers[write{k, name}]) })
}

// Answers returns the answers to the writes handled so far, as status codes; 0 means no answer.
func (p *Proxy) Answers(k Kind, name string) (codes []int) {
	p.state.Look(func() { codes = slices.Clone(p.answers[write{k, name}]) })
	return codes
}

// Cut makes the API server unreachable: requests in progress, watches too, break off, and new ones fail.
func (p *Proxy) Cut() { p.state.Change(func() { p.cutLink() }) }

// Refuse breaks off all requests in progress and applies the fault, which must not forward, to every new one.
func (p *Proxy) Refuse(all Fault) {
	p.state.Change(func() {
		p.cutLink()
		p.all = all
	})
}

// Restore ends Cut and Refuse.
func (p *Proxy) Restore() {
	p.state.Change(func() {
		p.all = nil
		p.link, p.cutLink = context.WithCancel(context.Background())
	})
}

// ServeHTTP forwards one request, or applies its fault.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The server notices that the operator hangs up only after the body is read.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	this := writeOf(r)
	f := p.faultOf(this)
	switch {
	case f != nil:
		r = r.WithContext(context.WithoutCancel(r.Context()))
	case this == (write{}):
		p.pass(w, r)
		return
	default:
		f = func(forward func() Response) Response { return forward() }
	}
	code := 0
	defer func() { p.state.Change(func() { p.answers[this] = append(p.answers[this], code) }) }()
	a := f(func() Response {
		a := httptest.NewRecorder()
		p.forward(a, r)
		return a
	})
	if a != nil {
		code = a.Code
	}
	give(w, a)
}

// faultOf returns the fault for the write, or nil.
func (p *Proxy) faultOf(this write) (f Fault) {
	p.state.Change(func() {
		queue := p.faults[this]
		switch {
		case p.all != nil:
			f = p.all
		case len(queue) > 0:
			f, p.faults[this] = queue[0], queue[1:]
		case p.choose != nil && this != write{}:
			f = p.choose(this.kind, this.name)
		}
	})
	return f
}

// forward makes the API server answer a request, until the link is cut.
func (p *Proxy) forward(w http.ResponseWriter, r *http.Request) {
	ctx, end := p.tie(r.Context())
	defer end()
	p.upstream.ServeHTTP(w, r.WithContext(ctx))
}

// tie returns a context that ends with the present link, or when end is called.
func (p *Proxy) tie(parent context.Context) (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancel(parent)
	p.state.Look(func() {
		if p.link.Err() != nil {
			cancel() // now: AfterFunc would let the request through for another moment
		}
		untie := context.AfterFunc(p.link, cancel)
		end = func() { untie(); cancel() }
	})
	return ctx, end
}

// give writes an answer.
func give(w http.ResponseWriter, a Response) {
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

// reset ends a request by resetting its connection.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	raw := conn.(*tls.Conn).NetConn().(*net.TCPConn)
	_ = raw.SetLinger(0) // makes Close send a reset
	_ = raw.Close()
}
