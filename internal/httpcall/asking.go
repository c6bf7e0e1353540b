package httpcall

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"syscall"
)

// What to add to the message of a failure if the server has asked for a client
// certificate.
const (
	noCertificate = "the endpoint asks for a client certificate, and the provider names none"
	certificateIn = "the endpoint asked for the client certificate and may not accept it"
)

// Asking is what is known of a host that asks for client certificates. Servers
// that refuse a client for its certificate do not always say so: some end the
// connection, and nginx answers 400.
type Asking struct {
	none, given atomic.Bool // the server asked, and got no certificate or one
	answered    atomic.Bool // the server has answered a request since
}

// askingKey is the key of the host's Asking in the context of a request.
type askingKey struct{}

// Note returns a context for requests to the host. It works for connections
// that [TLS.Config] configures.
func (a *Asking) Note(ctx context.Context) context.Context {
	return context.WithValue(ctx, askingKey{}, a)
}

// noteAsked is called in a handshake. Its context has the values of that of the
// request which the connection is for.
func noteAsked(ctx context.Context, given bool) {
	if host, ok := ctx.Value(askingKey{}).(*Asking); ok {
		host.given.Store(given)
		host.none.Store(!given)
	}
}

// Hint notes the result of a request. It adds to an error what [Explain] has to
// say of the client certificate.
func (a *Asking) Hint(err error) error {
	if err == nil {
		a.answered.Store(true)
		return nil
	}
	ended := errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
	switch {
	case alertIn(err) == "" && (!ended || a.answered.Load()):
		return err
	case a.none.Load():
		return hinted{err, noCertificate}
	case a.given.Load():
		return hinted{err, certificateIn}
	}
	return err
}

// hinted is an error with a hint.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }
