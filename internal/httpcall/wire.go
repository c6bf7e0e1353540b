package httpcall

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// MaxConnections is how many idle connections to the endpoint are kept: as
	// many as an operator has workers, so that none dials for each call.
	MaxConnections = 100
	// maxHeader bounds an answer's headers, in bytes.
	maxHeader = 64 << 10
	// dialTimeout bounds connecting, as a dial outlives the call that began it.
	dialTimeout = 5 * time.Second
	// idleTimeout is shorter than that of common servers and balancers (60 s
	// and more), so that a call rarely meets a connection just being closed.
	idleTimeout = 30 * time.Second
	// MaxTime bounds each request, from sending it to the end of its answer, also
	// where its context has no deadline.
	MaxTime = time.Minute
	// UserAgent by which a service's logs tell the operator from other callers.
	UserAgent = "logout-operator"
	// grace is how long a transport may take to notice that its context is done.
	grace = time.Second
)

var (
	errTooLate      = errors.New("the attempt's deadline passed before the request was sent")
	errProxyRefused = errors.New("the proxy refused the connection")
)

// Wire puts one request on the wire for each Do. It stands in for an
// http.Client, whose only additions are unwanted here: following redirects
// (and failing on a redirect it cannot parse), cookies, and errors that quote
// the URL with its IDs.
type Wire struct {
	// Transport that sends; tests have it dial elsewhere.
	Transport interface {
		http.RoundTripper
		CloseIdleConnections()
	}
}

// NewWire returns a wire whose transport
//   - goes through the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name, as
//     users behind an egress proxy expect;
//   - speaks HTTP/1.1 only: HTTP/2 would repeat a refused request by itself, and
//     share one connection, and its fate, among all calls. Over HTTP/1.1,
//     net/http repeats a POST only if it met a dead idle connection before the
//     first byte of the request was written, so the service sees it once;
//   - asks for no compression, as nothing worth it comes back.
func NewWire() *Wire {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &Wire{&http.Transport{
		Proxy: http.ProxyFromEnvironment,
		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
			if resp.StatusCode != http.StatusOK {
				return errProxyRefused
			}
			return nil
		},
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
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
// context's own timer runs on the monotonic clock, which stands still while a
// machine is suspended, and it may fire late after a stopped process goes on:
// by then another process may have made the attempt that follows.
//
// The answer is returned as it came, whatever its status, with a body that
// [Contain] has read into memory. Do returns soon after the context is done,
// and after MaxTime at the latest, whatever the transport does.
func (w *Wire) Do(req *http.Request) (*http.Response, error) {
	if deadline, ok := req.Context().Deadline(); ok && !time.Now().Round(0).Before(deadline.Round(0)) {
		return nil, errTooLate
	}
	if req.Header.Get("User-Agent") == "" { // AWS' SDK has one of its own
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
	// A transport that minds the context is back at once, and knows more.
	patience := time.NewTimer(grace)
	defer patience.Stop()
	select {
	case o := <-came:
		return o.resp, o.err
	case <-patience.C:
		return nil, context.DeadlineExceeded
	}
}

// outcome of sending a request.
type outcome struct {
	resp *http.Response
	err  error
}

func (w *Wire) send(req *http.Request) outcome {
	resp, err := w.Transport.RoundTrip(req) //nolint:bodyclose // Contain closes it
	if err != nil {
		return outcome{nil, err}
	}
	_ = Contain(req.Context(), resp) // an answer says so itself: see Answer.Partial
	return outcome{resp, nil}
}

// Call sends the request and reads its answer. The error is a *logout.Error.
func (w *Wire) Call(req *http.Request) (*Answer, error) {
	resp, err := w.Do(req)
	if err != nil {
		return nil, Unreachable(err)
	}
	return Read(resp), nil
}

// Close closes idle connections. Calls under way go on, and so may later ones.
func (w *Wire) Close() { w.Transport.CloseIdleConnections() }
