// Package chimetest is a fake of the Amazon Chime LogoutUser service, for tests and demonstrations of its clients. It
// speaks the protocol over real HTTP and really verifies Signature Version 4. It has accounts, users and their
// sessions, keeps a journal of every request, and gives any answer that a test asks for: documented errors, timeouts,
// resets, garbage.
//
//	srv := chimetest.NewServer(chimetest.Options{Credentials: []aws.Credentials{creds}})
//	defer srv.Close()
//	srv.SignIn(account, user, "laptop", "phone")
//	srv.Script(account, user, chimetest.Answer{Code: "ThrottledClientException"})
//	// ... let the client call srv.URL: throttled once, then 204 ...
//	err := srv.WaitForCalls(ctx, 2)
package chimetest

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/time/rate"
)

// Options of a Server. The zero value is a service at the root path in us-east-1 that rejects every call, because it
// has no credentials.
type Options struct {
	// BasePath comes before /accounts in every path, escaped as on the wire, for example "/console". Default: none.
	BasePath string
	// Region for which calls must be signed. Default: us-east-1.
	Region string
	// Credentials that may sign calls; see SetCredentials.
	Credentials []aws.Credentials
	// RateLimit is how many calls a second the service accepts, with a burst of one second's worth; it answers the
	// others with ThrottledClientException. Scripted answers do not count. Default: no limit.
	RateLimit float64
	// RetryAfter, rounded up to whole seconds, is the Retry-After header of an answer over the limit. Default: no
	// header.
	RetryAfter time.Duration
	// Now is the service's clock. It is used for the age of signatures, the rate limit, all times in the journal and
	// the Date of answers. Default: time.Now.
	Now func() time.Time
}

// Server is the service. It is an http.Handler; its methods may be called at any time from any goroutine. Scripts,
// holds and counts name a user by account ID and user ID; two empty IDs stand for all users.
type Server struct {
	// URL is the endpoint for clients, including the base path. Only NewServer sets it.
	URL string

	basePath   string
	now        func() time.Time
	limiter    *rate.Limiter
	retryAfter time.Duration

	verifier  verifier
	directory directory
	stage     stage
	journal   journal

	listening *httptest.Server
	closed    chan struct{}
	close     func()
}

// New returns a service that does not listen; the caller serves it. It must be closed too, so that calls that hang or
// are held end.
func New(o Options) *Server {
	s := &Server{now: o.Now, retryAfter: o.RetryAfter, closed: make(chan struct{})}
	s.close = sync.OnceFunc(func() { close(s.closed) })
	if s.now == nil {
		s.now = time.Now
	}
	if path := strings.Trim(o.BasePath, "/"); path != "" {
		s.basePath = "/" + path
	}
	if o.RateLimit > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(o.RateLimit), max(1, int(o.RateLimit)))
	}
	s.verifier = verifier{region: o.Region, now: s.now}
	if o.Region == "" {
		s.verifier.region = "us-east-1"
	}
	s.SetCredentials(o.Credentials...)
	return s
}

// NewServer returns a service that listens on a free port of the loopback interface until it is closed. It panics if
// there is no free port.
func NewServer(o Options) *Server {
	s := New(o)
	s.listening = httptest.NewServer(s)
	s.URL = s.listening.URL + s.basePath
	return s
}

// Close ends calls that hang or are held, cuts the connections that are still open, and returns when the service has
// stopped. Journal and sessions remain readable.
func (s *Server) Close() {
	s.close()
	if s.listening != nil {
		_ = s.listening.Config.Close() // a listener that is already closed is fine
		s.listening.Close()
	}
}

// CloseConnections closes all connections of clients, as a service does when it restarts or when they have been idle
// for long. The service continues.
func (s *Server) CloseConnections() { s.listening.CloseClientConnections() }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call, refusal := s.receive(r)
	entry := Entry{Call: call}
	stayed := s.stage.hold(call, s.closed)
	answer := s.stage.answer(call, refusal == nil)

	var own Answer
	if stayed && answer.Logout {
		own, entry.SessionsEnded = s.process(call, refusal)
	}
	stayed = stayed && s.pause(r, answer.Delay)
	if stayed && answer.plain() {
		if !answer.Logout {
			own, entry.SessionsEnded = s.process(call, refusal)
		}
		answer = own.with(answer.Header)
	}
	if stayed {
		entry.Status, entry.Code, entry.Cut = answer.status(), answer.Code, answer.Cut
	}
	// Write the journal before the first byte is sent, so that every client that has seen the answer finds the entry.
	entry.Duration = s.now().Sub(call.Time)
	s.journal.add(entry)
	if !stayed {
		panic(http.ErrAbortHandler)
	}
	s.write(w, r, call.RequestID, answer)
}

// process is the service's own behaviour: it carries out the call, unless the call is rejected or over the limit. It
// also returns how many sessions ended.
func (s *Server) process(call Call, refusal *Answer) (Answer, int) {
	if refusal != nil {
		return *refusal, 0
	}
	if s.limiter != nil && !s.limiter.AllowN(s.now(), 1) {
		throttled := Answer{Code: "ThrottledClientException", Message: "the rate limit of the service is exceeded"}
		if s.retryAfter > 0 {
			seconds := (s.retryAfter + time.Second - 1) / time.Second
			throttled.Header = map[string]string{"Retry-After": strconv.Itoa(int(seconds))}
		}
		return throttled, 0
	}
	ended, refusal := s.directory.logOut(call.user())
	if refusal != nil {
		return *refusal, 0
	}
	return Answer{Status: http.StatusNoContent}, ended
}

// pause waits for d and reports whether the client is still connected and the server open.
func (s *Server) pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.closed:
	}
	return false
}
