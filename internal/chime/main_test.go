package chime

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/logout-operator/logout-operator/internal/awsauth"
	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
	"github.com/logout-operator/logout-operator/internal/logout/logouttest"
)

// The IDs of the reference example.
const (
	account = "12a3456b-7c89-012d-3456-78901e23fg45"
	user    = "1ab2345c-67de-8901-f23g-45h678901j2k"
)

var keys = awsauth.Keys{
	AccessKeyID:     "AKIDEXAMPLE",
	SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
	SessionToken:    "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJHMEUC+Q==",
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newClient returns a client of endpoint with static keys.
func newClient(t testing.TB, endpoint string) *Client {
	t.Helper()
	c, err := New(context.Background(),
		Config{Endpoint: httpcall.MustParseEndpoint(endpoint), Auth: awsauth.Config{Region: "us-east-1", Keys: &keys}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// transport returns the transport of a client, for tests to redirect.
func transport(c *Client) *http.Transport { return c.Wire.Transport.(*http.Transport) }

// serve starts an endpoint that counts its requests.
func serve(t testing.TB, handler http.HandlerFunc) (server *httptest.Server, requests *atomic.Int64) {
	t.Helper()
	requests = new(atomic.Int64)
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return server, requests
}

// serveConn starts an endpoint that passes each connection to handle, one after
// another, and closes it afterwards.
func serveConn(t testing.TB, handle func(net.Conn)) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			handle(conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return "http://" + listener.Addr().String()
}

// attempt makes one call under the deadline of an attempt.
func attempt(t testing.TB, c *Client) (logout.Receipt, *logout.Error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return attemptWith(ctx, t, c)
}

func attemptWith(ctx context.Context, t testing.TB, c *Client) (logout.Receipt, *logout.Error) {
	t.Helper()
	receipt, err := c.Logout(ctx, account, user)
	return receipt, logouttest.Failure(t, err)
}
