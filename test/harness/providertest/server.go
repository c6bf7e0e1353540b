package providertest

import (
	"bytes"
	"io"
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
}

// NewServer starts a service that confirms every logout.
func NewServer(t testing.TB, p Fixture) *Server {
	s := &Server{t: t, p: p}
	s.Answer(p.LoggedOut)
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
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

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body) // also to notice when a client hangs up
	if err != nil {
		return
	}
	if who := r.UserAgent(); !strings.Contains(who, httpcall.UserAgent) {
		s.t.Errorf("%s %s comes from %q, so the service's logs do not tell whose it is", r.Method, r.URL.Path, who)
	}
	call, isLogout := s.p.Call(r, body)
	s.mu.Lock()
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
