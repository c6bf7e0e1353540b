package httpcall

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	// MaxConnections is how many idle connections to the endpoint are kept: more
	// than the default of --workers, so that no worker has to dial for each call.
	// With more workers than that, some dial. It does not follow --workers: a
	// service that is slow to accept makes net/http dial more often than there are
	// calls, and must not fill the process with connections.
	MaxConnections = 100
	// maxHeader limits an answer's headers, in bytes.
	maxHeader = 64 << 10
	// dialTimeout limits connecting, because a dial outlives the call that
	// began it.
	dialTimeout = 5 * time.Second
	// idleTimeout is shorter than that of common servers and load balancers (60
	// s and more), so that a call rarely uses a connection that is just being
	// closed.
	idleTimeout = 30 * time.Second
	// MaxTime limits each request, from sending it to the end of its answer,
	// even if its context has no deadline.
	MaxTime = time.Minute
	// UserAgent identifies the operator in the logs of a service.
	UserAgent = "logout-operator"
	// grace is how long a transport may take to return after its context is
	// done.
	grace = time.Second
)

var errTooLate = errors.New("the attempt's deadline passed before the request was sent")

// proxyError is the status with which a proxy refused a connection.
type proxyError int

func (e proxyError) Error() string {
	if e == http.StatusProxyAuthRequired {
		return "the proxy asks for a user and password (HTTP 407): put them into the URL in HTTPS_PROXY"
	}
	return fmt.Sprintf("the proxy refused the connection (HTTP %d)", int(e))
}

// Wire sends one request for each Do. It replaces http.Client, whose additional
// features are not wanted here: it follows redirects (and fails on a redirect
// that it cannot parse), handles cookies, and returns errors that quote the URL
// with its IDs.
type Wire struct {
	// Transport sends the requests; tests make it dial another address.
	Transport interface {
		http.RoundTripper
		CloseIdleConnections()
	}

	asking sync.Map // *Asking by host: the configuration has one or two
}

// NewWire returns a wire whose transport
//   - uses the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name, as users
//     behind an egress proxy expect;
//   - speaks HTTP/1.1 only: HTTP/2 would retry a refused request by itself, and
//     all calls would share, and lose, one connection. Over HTTP/1.1, net/http
//     retries a POST only if an idle connection turned out to be closed before
//     the first byte of the request was written, so the service sees it once;
//   - asks for no compression, because answers are short.
func NewWire(config TLS) *Wire {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &Wire{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
			if resp.StatusCode != http.StatusOK {
				return proxyError(resp.StatusCode)
			}
			return nil
		},
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:        config.Config(),
		TLSHandshakeTimeout:    dialTimeout,
		Protocols:              &http1,
		DisableCompression:     true,
		MaxIdleConns:           MaxConnections,
		MaxIdleConnsPerHost:    MaxConnections,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeader,
	}}
}

// Do sends the request, unless its deadline has passed by the wall clock. The
// context's own timer uses the monotonic clock, which stops while a machine is
// suspended, and it may fire late after a stopped process continues: by then
// another process may have made the next attempt.
//
// Do returns the answer as it came, whatever its status, with a body that
// [Contain] has read into memory. It returns soon after the context is done,
// and after MaxTime at the latest, whatever the transport does.
func (w *Wire) Do(req *http.Request) (*http.Response, error) {
	if deadline, ok := req.Context().Deadline(); ok && !time.Now().Round(0).Before(deadline.Round(0)) {
		return nil, errTooLate
	}
	if req.Header.Get("User-Agent") == "" { // AWS's SDK sets its own
		req.Header.Set("User-Agent", UserAgent)
	}
	ctx, cancel := context.WithTimeout(req.Context(), MaxTime)
	came := make(chan outcome, 1)
	go func() {
		defer cancel()
		came <- w.send(req.WithContext(ctx))
	}()
	select {
	case o := <-came:
		return o.resp, o.err
	case <-ctx.Done():
	}
	// A transport that respects the context returns at once, with a better
	// error.
	patience := time.NewTimer(grace)
	defer patience.Stop()
	select {
	case o := <-came:
		return o.resp, o.err
	case <-patience.C:
		return nil, context.DeadlineExceeded
	}
}

// outcome is the result of sending a request.
type outcome struct {
	resp *http.Response
	err  error
}

func (w *Wire) send(req *http.Request) outcome {
	is, _ := w.asking.LoadOrStore(req.URL.Host, &Asking{})
	host := is.(*Asking) //nolint:forcetypeassert // nothing else is in the map
	req = req.WithContext(host.Note(req.Context()))
	resp, err := w.Transport.RoundTrip(req) //nolint:bodyclose // Contain closes it
	if err = host.Hint(err); err != nil {
		return outcome{nil, err}
	}
	_ = Contain(req.Context(), resp) // reading the body returns the error again: see Response.Partial
	return outcome{resp, nil}
}

// Call sends the request and reads its answer. The error is a *logout.Error.
func (w *Wire) Call(req *http.Request) (*Response, error) {
	resp, err := w.Do(req)
	if err != nil {
		return nil, Unreachable(err)
	}
	return Read(resp), nil
}

// Close closes idle connections. Calls under way continue, and later ones are
// possible.
func (w *Wire) Close() { w.Transport.CloseIdleConnections() }
