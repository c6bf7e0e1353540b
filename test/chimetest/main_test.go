package chimetest_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chime"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"github.com/logout-operator/logout-operator/test/chimetest"
)

// The account and the user of the reference example.
const (
	account = "12a3456b-7c89-012d-3456-78901e23fg45"
	user    = "1ab2345c-67de-8901-f23g-45h678901j2k"
)

var credentials = aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "a-secret-of-the-tests"}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newServer starts a server for the test. It knows the user of the reference example, signed in on one device.
func newServer(t testing.TB, o chimetest.Options) *chimetest.Server {
	t.Helper()
	if o.Credentials == nil {
		o.Credentials = []aws.Credentials{credentials}
	}
	srv := chimetest.NewServer(o)
	t.Cleanup(srv.Close)
	srv.SignIn(account, user, "laptop")
	return srv
}

// client is the official client, with one attempt a call. A test changes other options with change.
func client(t testing.TB, endpoint string, change ...func(*chime.Options)) *chime.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	o := chime.Options{
		BaseEndpoint: aws.String(endpoint),
		Region:       "us-east-1",
		Credentials:  provider(credentials),
		Retryer:      aws.NopRetryer{},
		HTTPClient:   httpClient(transport),
	}
	for _, f := range change {
		f(&o)
	}
	return chime.New(o)
}

func httpClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func provider(c aws.Credentials) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil })
}

// logout makes one call for the user of the reference example.
func logout(ctx context.Context, c *chime.Client) error {
	_, err := c.LogoutUser(ctx, &chime.LogoutUserInput{AccountId: aws.String(account), UserId: aws.String(user)})
	return err
}

// code is the error code that the service gave; empty for a success.
func code(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Fatalf("not an answer of the service: %v", err)
	}
	return api.ErrorCode()
}

// roundTripper is a function that implements http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// tampering changes the client's requests after they are signed.
func tampering(change func(*http.Request)) func(*chime.Options) {
	return func(o *chime.Options) {
		next := o.HTTPClient.(*http.Client).Transport
		o.HTTPClient = httpClient(roundTripper(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			change(r)
			return next.RoundTrip(r)
		}))
	}
}

// clock stands still until a test moves it.
type clock struct{ nanoseconds atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanoseconds.Store(time.Now().UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.nanoseconds.Load()) }
func (c *clock) advance(d time.Duration) { c.nanoseconds.Add(int64(d)) }

// pipes is a network in memory, which lets the clock of a synctest bubble move while both ends wait.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	p.conns <- far
	return near, nil
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }
