// Package tokenrevocation logs users out by Global Token Revocation, a protocol
// that belongs to no vendor. One Logout sends at most one request to its
// endpoint, and at most one for a token.
//
// The protocol:
// https://datatracker.ietf.org/doc/draft-parecki-oauth-global-token-revocation/
package tokenrevocation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/logout-operator/logout-operator/internal/bearer"
	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// Subject is a subject identifier of RFC 9493.
type Subject struct {
	Format  string `json:"format"`
	ID      string `json:"id,omitempty"`
	Email   string `json:"email,omitempty"`
	Issuer  string `json:"iss,omitempty"`
	Subject string `json:"sub,omitempty"`
}

// Opaque identifies a user by an ID that the service knows.
func Opaque(userID string) Subject { return Subject{Format: "opaque", ID: userID} }

// Email identifies a user by an email address.
func Email(userID string) Subject { return Subject{Format: "email", Email: userID} }

// IssuerSubject identifies users by the ID that a token issuer gave them.
func IssuerSubject(issuer string) func(userID string) Subject {
	return func(userID string) Subject { return Subject{Format: "iss_sub", Issuer: issuer, Subject: userID} }
}

// Attribute identifies users by an attribute that the service has for them. Its
// name takes the place of a format of RFC 9493.
func Attribute(name string) func(userID string) Subject {
	return func(userID string) Subject { return Subject{Format: name, ID: userID} }
}

// Config of a Client.
type Config struct {
	// Endpoint is the URL of the revocation endpoint.
	Endpoint httpcall.Endpoint
	// Subject converts a user ID to an identifier.
	Subject func(userID string) Subject
	// Accepted are the statuses that confirm a logout; only 204 if there are
	// none.
	Accepted []int32
	// Auth selects the token to send.
	Auth bearer.Config
	// TLS configures all connections.
	TLS httpcall.TLS
}

// Client calls a revocation endpoint. It is safe for concurrent use.
type Client struct {
	logout.IDs // the user's in JSON
	*bearer.Caller
	endpoint string
	subject  func(userID string) Subject
	accepted []int32
}

var _ logout.Client = (*Client)(nil)

// New returns a client. It sends nothing. The error says what is wrong with the
// configuration, and contains no credential.
func New(config Config) (*Client, error) {
	caller, err := bearer.New(config.Auth, httpcall.NewWire(config.TLS))
	if err != nil {
		return nil, err
	}
	c := &Client{logout.IDs{}, caller, config.Endpoint.String(), config.Subject, config.Accepted}
	if len(c.accepted) == 0 {
		c.accepted = []int32{http.StatusNoContent}
	}
	return c, nil
}

// Logout revokes all tokens of the user. See logout.Client for its guarantees.
// It does not send the account: the protocol has no accounts, and the endpoint
// stands for one.
func (c *Client) Logout(ctx context.Context, accountID, userID string) (logout.Receipt, error) {
	if err := c.CheckIDs(accountID, userID); err != nil {
		return logout.Receipt{}, err
	}
	body, err := json.Marshal(map[string]Subject{"sub_id": c.subject(userID)})
	if err != nil {
		return logout.Receipt{}, httpcall.Unreachable(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return logout.Receipt{}, httpcall.Unreachable(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	answer, err := c.Call(req)
	switch {
	case err != nil:
		return logout.Receipt{}, err
	case c.confirms(answer):
		return answer.Receipt(requestID(answer)), nil
	}
	return logout.Receipt{}, c.failure(answer)
}

// confirms reports whether an answer is a success. Whatever its status, one that
// says anything is none: it may be a proxy's page, or an error in a form that
// the draft does not define.
func (c *Client) confirms(a *bearer.Response) bool {
	var body map[string]any
	empty := len(a.Body) == 0 || a.JSON(&body) && body != nil && len(body) == 0
	return c.accepts(a.Status) && !a.Partial && empty
}

func (c *Client) accepts(status int) bool {
	return slices.ContainsFunc(c.accepted, func(other int32) bool { return int(other) == status })
}

// nextStep is what to do about a success that confirms nothing. The service may
// well mean it: the draft is young, and servers differ.
func nextStep(status int, accepted bool) string {
	if accepted {
		return "its body would have to be empty or {}; check the endpoint"
	}
	return fmt.Sprintf("if the service documents it as success, add %d to acceptedStatusCodes", status)
}

// failure returns the error for an answer that is no success. In the draft, the
// status has the meaning, and the body is not defined. If the body is an OAuth
// error, failure passes its code and description on.
func (c *Client) failure(a *bearer.Response) *logout.Error {
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	own := a.JSON(&body) && httpcall.Identifier(body.Error) != ""
	return a.Failure(httpcall.Finding{
		Reason:       reasonOf(a.Status, body.Error, own, len(a.Body) == 0 && !a.Partial),
		ProviderWide: a.Status == http.StatusUnauthorized,
		Code:         body.Error,
		Message:      body.Description,
		RequestID:    requestID(a),
		Operation:    "Global Token Revocation",
		LogsOut:      true,
		NextStep:     nextStep(a.Status, c.accepts(a.Status)),
	})
}

// reasonOf returns the meaning of a status. Only two answers certainly come
// from the service and not from a proxy on the way: one with an OAuth error,
// and an empty 404, which is what the draft defines for an unknown user.
// Nothing else is final, and neither are codes that concern something other
// than the user.
func reasonOf(status int, code string, own, empty bool) logout.Reason {
	switch status {
	case http.StatusForbidden: // a missing scope, which somebody can add
		return logout.Unauthorized
	case http.StatusNotFound:
		if own || empty {
			return bearer.UnlessPassing(code, logout.NotFound)
		}
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		if own {
			return bearer.UnlessPassing(code, logout.BadRequest)
		}
	}
	return httpcall.ReasonOf(status)
}

func requestID(a *bearer.Response) string { return a.Header.Get("X-Request-Id") }
