// Package bearer authenticates requests by a bearer token (RFC 6750): a fixed
// one from the configuration, or one that it fetches by the client credentials
// of OAuth 2.0 (RFC 6749, section 4.4). It sends the token to the URL of the
// request only, and the client's secret to the token endpoint only, because it
// follows no redirect.
package bearer

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/logout-operator/logout-operator/internal/credential"
	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// Config selects the token for requests: Token, or one that Client fetches if
// Client is not nil.
type Config struct {
	// Token is a fixed token.
	Token string
	// Client fetches tokens.
	Client *Client
}

// Client of an authorization server.
type Client struct {
	// TokenURL is the server's token endpoint.
	TokenURL httpcall.Endpoint
	// ID and Secret authenticate the client by HTTP Basic, the one method that
	// every server must support, or in the body if InBody is set.
	ID, Secret string
	InBody     bool
	// Scopes to ask for; if there are none, the server grants its default.
	Scopes []string
	// Parameters of the request beside those of RFC 6749.
	Parameters url.Values
}

// Caller sends requests with a token. It is safe for concurrent use.
type Caller struct {
	wire    *httpcall.Wire
	static  string
	grant   *clientcredentials.Config // nil for a static token
	secrets []string                  // without the tokens that were fetched

	fetched  *credential.Source[string] // nil for a static token
	accepted atomic.Pointer[acceptance] // of the last token that was accepted
}

// acceptance is when a token was first accepted.
type acceptance struct {
	value string
	at    time.Time
}

// provenAfter is how long a token must have been in use before a 401 is taken
// for its end. A service that ends tokens more often is not called more often
// because of that.
const provenAfter = 10 * time.Second

// New returns a caller that sends through wire. New itself sends nothing. Its
// error says what is wrong with the configuration, and contains no credential.
func New(config Config, wire *httpcall.Wire) (*Caller, error) {
	if config.Client == nil {
		if config.Token == "" || !sendable(config.Token) {
			return nil, errors.New("token must consist of visible ASCII characters")
		}
		return &Caller{wire: wire, static: config.Token, secrets: []string{config.Token}}, nil
	}
	client := config.Client
	if client.ID == "" || client.Secret == "" {
		return nil, errors.New("client ID and secret must not be empty")
	}
	style := oauth2.AuthStyleInHeader // detecting the style would take a second request
	if client.InBody {
		style = oauth2.AuthStyleInParams
	}
	id, secret := url.QueryEscape(client.ID), url.QueryEscape(client.Secret)
	c := &Caller{
		wire: wire,
		grant: &clientcredentials.Config{
			TokenURL:       client.TokenURL.String(),
			ClientID:       client.ID,
			ClientSecret:   client.Secret,
			Scopes:         client.Scopes,
			EndpointParams: client.Parameters,
			AuthStyle:      style,
		},
		secrets: []string{client.ID, client.Secret, id, secret,
			base64.StdEncoding.EncodeToString([]byte(id + ":" + secret))},
	}
	c.fetched = credential.New(c.fetch, retryAfter)
	return c, nil
}

// Anonymous returns a caller that sends no token, for services that only the
// network protects.
func Anonymous(wire *httpcall.Wire) *Caller { return &Caller{wire: wire} }

// Response is the answer to a request that was sent with a token.
type Response struct {
	*httpcall.Response
	secrets []string
}

// Failure returns the *logout.Error for an answer. The finding need not name
// the secrets.
func (a *Response) Failure(f httpcall.Finding) *logout.Error {
	f.Secrets = a.secrets
	return a.Response.Failure(f)
}

// Receipt returns the receipt of an answer that confirms a logout, with its
// request ID if there is one.
func (a *Response) Receipt(requestID string) logout.Receipt {
	return a.Response.Receipt(requestID, a.secrets)
}

// Call sends a request with a token. If it has no valid token, it fetches one
// first. The error is a *logout.Error. If the service answers 401, Call drops
// the token; if it answers 403, Call fetches a new one for the next attempt,
// though not often, because a token has only the rights that were granted before
// it was fetched.
//
// A token may end before its time, for example when the service restarts. So a
// 401 for a token that has been accepted before, or that has been replaced
// meanwhile, is not the last word: Call sends the request once more with the
// next token. A service that answers 401 has not carried out the request.
func (c *Caller) Call(req *http.Request) (*Response, error) {
	value, err := c.token(req.Context())
	if err != nil {
		return nil, err
	}
	again := req.Clone(req.Context())
	response, err := c.send(req, value)
	if err != nil || !c.ended(response, value) {
		return response, err
	}
	next, err := c.token(req.Context())
	if err == nil && req.GetBody != nil {
		again.Body, err = req.GetBody()
	}
	if err != nil || next == value {
		return response, nil
	}
	if response, err = c.send(again, next); err == nil {
		_ = c.ended(response, next)
	}
	return response, err
}

// send sends a request with a token.
func (c *Caller) send(req *http.Request, value string) (*Response, error) {
	if value != "" {
		req.Header.Set("Authorization", "Bearer "+value)
	}
	answer, err := c.wire.Call(req)
	if err != nil {
		return nil, err
	}
	response := &Response{Response: answer, secrets: c.known()}
	if value != "" {
		response.secrets = append(response.secrets, value)
	}
	return response, nil
}

// ended notes what an answer says of a token, and reports whether the token was
// valid before and is no more.
func (c *Caller) ended(response *Response, value string) bool {
	switch {
	case c.fetched == nil:
	case response.Status == http.StatusUnauthorized:
		last := c.accepted.Load()
		replaced := !c.fetched.Forget(value)
		return replaced || last != nil && last.value == value && time.Since(last.at) >= provenAfter
	case response.Status == http.StatusForbidden:
		c.fetched.Doubt(value)
	case response.Status < http.StatusMultipleChoices:
		if last := c.accepted.Load(); last == nil || last.value != value {
			c.accepted.Store(&acceptance{value, time.Now()})
		}
	}
	return false
}

// known returns everything that no message may repeat. An earlier token may still be valid.
func (c *Caller) known() []string {
	if c.fetched == nil {
		return slices.Clone(c.secrets)
	}
	return append(c.fetched.Recent(), c.secrets...)
}

// CheckCredentials fetches a token if the caller has to, and returns a
// *logout.Error if it cannot get one.
func (c *Caller) CheckCredentials(ctx context.Context) error {
	_, err := c.token(ctx)
	return err
}

// Close closes idle connections. Calls under way continue, and later ones are
// possible.
func (c *Caller) Close() { c.wire.Close() }

// token returns a valid token. The error is a *logout.Error.
func (c *Caller) token(ctx context.Context) (string, error) {
	if c.fetched == nil {
		return c.static, nil
	}
	value, err := c.fetched.Get(ctx)
	if err == nil {
		return value, nil
	}
	failed, ok := errors.AsType[*logout.Error](err)
	if !ok { // no server has answered yet
		return "", ofTokenEndpoint(httpcall.Unreachable(err))
	}
	if paused, ok := errors.AsType[*credential.Paused](err); ok {
		again := *failed
		again.RetryAfter = min(paused.For, logout.MaxRetryAfter)
		failed = &again
	}
	return "", failed
}
