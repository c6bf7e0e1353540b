package overload

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/await"
)

// account is the account of all users, at every service.
const account = "account"

// service is a fake service whose port can be closed and opened again.
type service struct {
	*chimetest.Server
	address   string
	listening *http.Server
}

// newService returns a service that listens until the test is over.
func newService(t *testing.T, o chimetest.Options) *service {
	t.Helper()
	o.Credentials = []aws.Credentials{credentials}
	s := &service{Server: chimetest.New(o), address: "127.0.0.1:0"}
	s.open(t)
	t.Cleanup(func() {
		s.Close() // first, or calls that hang would continue
		s.shut()
	})
	return s
}

// open begins to listen, always on the same port.
func (s *service) open(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	s.listening = &http.Server{
		Handler:           s.Server,
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	go func(h *http.Server) { _ = h.Serve(listener) }(s.listening) // until it is shut
}

// shut makes the port refuse connections, those of calls in progress once these have been answered.
func (s *service) shut() {
	_ = s.listening.Shutdown(context.Background()) // fails only if there is nothing to shut
}

// awaitLoggedOut returns when n users have been logged out.
func (s *service) awaitLoggedOut(t *testing.T, n int) {
	t.Helper()
	seen := map[string]bool{}
	s.follow(t, func(e chimetest.Entry) bool {
		if e.Status == http.StatusNoContent {
			seen[e.UserID] = true
		}
		return len(seen) >= n
	})
}

// awaitUsers waits until these users have been logged out, by calls after the first n, and returns when the last one
// was.
func (s *service) awaitUsers(t *testing.T, n int, users []string) (last time.Time) {
	t.Helper()
	missing := slices.Clone(users)
	s.followAfter(t, n, func(e chimetest.Entry) bool {
		if i := slices.Index(missing, e.UserID); i >= 0 && e.Status == http.StatusNoContent {
			missing = slices.Delete(missing, i, i+1)
			last = answeredAt(e)
		}
		return len(missing) == 0
	})
	return last
}

// follow reads the journal from its beginning until enough returns true.
func (s *service) follow(t *testing.T, enough func(chimetest.Entry) bool) {
	t.Helper()
	s.followAfter(t, 0, enough)
}

// followAfter reads the journal after its first n entries until enough returns true.
func (s *service) followAfter(t *testing.T, n int, enough func(chimetest.Entry) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	defer cancel()
	calls := 0
	for e := range s.Follow(ctx, n) {
		if calls++; enough(e) {
			return
		}
	}
	t.Fatalf("waited for more calls in vain after %d", calls)
}
