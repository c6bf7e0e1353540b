package providertest

import (
	"bytes"
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/logout-operator/logout-operator/internal/httpcall"
)

// Server is a service with scripted answers.
type Server struct {
	*httptest.Server
	t testing.TB
	p Fixture

	mu     sync.Mutex
	logout http.HandlerFunc // answers the logout calls
	other  http.HandlerFunc // answers the other requests
	calls  []Call

	clients map[string]int // requests by the name in the client's certificate; empty for none
}

// NewServer starts a service that confirms every logout.
func NewServer(t testing.TB, p Fixture) *Server { return NewTLSServer(t, p, nil) }

// NewTLSServer is NewServer for a service that speaks TLS, unless the configuration is nil. It counts the requests of
// all clients by the names in their certificates.
func NewTLSServer(t testing.TB, p Fixture, config *tls.Config) *Server {
	s := &Server{t: t, p: p, clients: map[string]int{}}
	s.Answer(p.LoggedOut)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	if config == nil {
		s.Start()
	} else {
		s.Config.ErrorLog = log.New(io.Discard, "", 0) // do not log handshakes that fail
		s.TLS = config.Clone()
		s.StartTLS()
	}
	t.Cleanup(s.Close)
	return s
}

// Answer sets the answer to all calls from now on.
func (s *Server) Answer(a Answer) {
	s.Handle(func(w http.ResponseWriter, _ *http.Request) { a.write(w) }, a.Other)
}

// Handle sets the handlers of the logout calls and of the other requests from now on. If other is nil, the provider's
// Other handles them.
func (s *Server) Handle(logout, other http.HandlerFunc) {
	if other == nil {
		other = s.p.Other
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logout, s.other = logout, other
}

// Require makes the service accept only one set of credentials.
func (s *Server) Require(secret int) {
	s.Handle(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // serve has already read it
		if call, _ := s.p.Call(r, body); call.Secret != secret {
			s.p.NotAuthorized[0].write(w)
			return
		}
		s.p.LoggedOut.write(w)
	}, nil)
}

// Calls are the logout calls so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Clients returns how many requests came from which client certificate, since the last time.
func (s *Server) Clients() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	clients := s.clients
	s.clients = map[string]int{}
	return clients
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body) // also to notice when a client hangs up
	if err != nil {
		return
	}
	if who := r.UserAgent(); !strings.Contains(who, httpcall.UserAgent) {
		s.t.Errorf("%s %s comes from %q, so the service's logs do not tell whose it is", r.Method, r.URL.Path, who)
	}
	call, isLogout := s.p.Call(r, body)
	client := ""
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		client = r.TLS.PeerCertificates[0].Subject.CommonName
	}
	s.mu.Lock()
	s.clients[client]++
	handle := s.other
	if isLogout {
		s.calls = append(s.calls, call)
		handle = s.logout
	}
	s.mu.Unlock()
	if handle == nil {
		s.t.Errorf("%s %s is neither a logout nor anything else the protocol has", r.Method, r.URL)
		http.NotFound(w, r)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	handle(w, r)
}

// unescape reads a segment of a path; an invalid one equals nothing.
func unescape(segment string) string {
	s, err := url.PathUnescape(segment)
	if err != nil {
		return "malformed: " + segment
	}
	return s
}

// oneLine makes a text valid in a header.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
