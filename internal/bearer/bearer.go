// Package bearer signs requests in with a bearer token (RFC 6750): one that an
// administrator wrote down, or one that is fetched by the client credentials of
// OAuth 2.0 (RFC 6749, section 4.4). A token goes to the URL of the request, and
// the client's secret to the token endpoint; neither goes anywhere else, as no
// redirect is followed.
package bearer

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/logout-operator/logout-operator/internal/credential"
	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// Config says which token requests are signed in with: Token, or one fetched by
// Client where that is not nil.
type Config struct {
	// Token that does not change.
	Token string
	// Client that fetches tokens.
	Client *Client
}

// Client of an authorization server.
type Client struct {
	// TokenURL is the server's token endpoint.
	TokenURL httpcall.Endpoint
	// ID and Secret sign the client in, by HTTP Basic: the one way that every
	// server has to know.
	ID, Secret string
	// Scopes to ask for; none for what the server gives by default.
	Scopes []string
}

// Caller sends requests that are signed in with a token. It is safe for
// concurrent use.
type Caller struct {
	wire    *httpcall.Wire
	static  string
	grant   *clientcredentials.Config // nil for a static token
	secrets []string                  // beside a token that was fetched

	fetched *credential.Source[string] // nil for a static token
}

// New returns a caller that sends by a wire. It sends nothing yet; the error says
// what is wrong with the configuration and holds no credential.
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
	id, secret := url.QueryEscape(client.ID), url.QueryEscape(client.Secret)
	c := &Caller{
		wire: wire,
		grant: &clientcredentials.Config{
			TokenURL:     client.TokenURL.String(),
			ClientID:     client.ID,
			ClientSecret: client.Secret,
			Scopes:       client.Scopes,
			AuthStyle:    oauth2.AuthStyleInHeader, // to find out would take a second request
		},
		secrets: []string{client.ID, client.Secret, id, secret, base64.StdEncoding.EncodeToString([]byte(id + ":" + secret))},
	}
	c.fetched = credential.New(c.fetch, retryAfter)
	return c, nil
}

// Anonymous returns a caller that signs no request in, for services that only the
// network guards.
func Anonymous(wire *httpcall.Wire) *Caller { return &Caller{wire: wire} }

// Answer to a request that a token signed in.
type Answer struct {
	*httpcall.Answer
	secrets []string
}

// Failure returns the seam's error for an answer. The finding need not name the
// secrets.
func (a *Answer) Failure(f httpcall.Finding) *logout.Error {
	f.Secrets = a.secrets
	return a.Answer.Failure(f)
}

// Receipt of an answer that confirms a logout, with its request ID if there is one.
func (a *Answer) Receipt(requestID string) logout.Receipt {
	return a.Answer.Receipt(requestID, a.secrets)
}

// Call signs a request in and sends it, after one for a token if there is none
// that is still good. The error is a *logout.Error. A token that the service
// refuses with 401 is forgotten, so that the next attempt fetches another.
func (c *Caller) Call(req *http.Request) (*Answer, error) {
	value, err := c.token(req.Context())
	if err != nil {
		return nil, err
	}
	secrets := c.secrets
	if value != "" {
		req.Header.Set("Authorization", "Bearer "+value)
		secrets = append([]string{value}, secrets...)
	}
	answer, err := c.wire.Call(req)
	if err != nil {
		return nil, err
	}
	if answer.Status == http.StatusUnauthorized && c.fetched != nil {
		c.fetched.Forget(value)
	}
	return &Answer{answer, secrets}, nil
}

// CheckCredentials fetches a token where one has to be fetched, and returns a
// *logout.Error if there is none to be had.
func (c *Caller) CheckCredentials(ctx context.Context) error {
	_, err := c.token(ctx)
	return err
}

// Close closes idle connections. Calls under way go on, and so may later ones.
func (c *Caller) Close() { c.wire.Close() }

// token returns one that is good for now. The error is a *logout.Error.
func (c *Caller) token(ctx context.Context) (string, error) {
	if c.fetched == nil {
		return c.static, nil
	}
	value, err := c.fetched.Get(ctx)
	if err == nil {
		return value, nil
	}
	failed, ok := errors.AsType[*logout.Error](err)
	if !ok { // nobody has answered yet
		return "", ofTokenEndpoint(httpcall.Unreachable(err))
	}
	if paused, ok := errors.AsType[*credential.Paused](err); ok {
		again := *failed
		again.RetryAfter = min(paused.For, logout.MaxRetryAfter)
		failed = &again
	}
	return "", failed
}
