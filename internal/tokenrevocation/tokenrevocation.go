// Package tokenrevocation logs users out by Global Token Revocation, a protocol
// that is no vendor's. One Logout is at most one request to its endpoint, beside
// one for a token.
//
// The protocol: https://datatracker.ietf.org/doc/draft-parecki-oauth-global-token-revocation/
package tokenrevocation

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

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

// IssuerSubject identifies users by the ID that an issuer of tokens gave them.
func IssuerSubject(issuer string) func(userID string) Subject {
	return func(userID string) Subject { return Subject{Format: "iss_sub", Issuer: issuer, Subject: userID} }
}

// Config of a Client.
type Config struct {
	// Endpoint is the URL of the revocation endpoint.
	Endpoint httpcall.Endpoint
	// Subject makes an identifier of a user ID.
	Subject func(userID string) Subject
	// Auth says what to sign in with.
	Auth bearer.Config
}

// Client calls a revocation endpoint. It is safe for concurrent use.
type Client struct {
	*bearer.Caller
	endpoint string
	subject  func(userID string) Subject
}

var _ logout.Client = (*Client)(nil)

// New returns a client. It sends nothing; the error says what is wrong with the
// configuration and holds no credential.
func New(config Config) (*Client, error) {
	caller, err := bearer.New(config.Auth, httpcall.NewWire())
	if err != nil {
		return nil, err
	}
	return &Client{caller, config.Endpoint.String(), config.Subject}, nil
}

// Logout has all tokens of the user revoked. See logout.Client for what it
// promises. The account is not sent: the protocol has none, and the endpoint
// stands for it.
func (c *Client) Logout(ctx context.Context, accountID, userID string) (logout.Receipt, error) {
	if err := logout.CheckIDs(accountID, userID); err != nil {
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
	case answer.Status == http.StatusNoContent:
		return answer.Receipt(requestID(answer)), nil
	}
	return logout.Receipt{}, failure(answer)
}

// failure says what an answer other than 204 means. The draft has the status say
// it, and leaves the body open; where there is an error of OAuth's form, its
// words are passed on.
func failure(a *bearer.Answer) *logout.Error {
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	own := a.JSON(&body) && httpcall.Token(body.Error) != ""
	return a.Failure(httpcall.Finding{
		Reason:       reasonOf(a.Status, body.Error, own, len(a.Body) == 0 && !a.Partial),
		ProviderWide: a.Status == http.StatusUnauthorized,
		Code:         body.Error,
		Message:      body.Description,
		RequestID:    requestID(a),
		Operation:    "Global Token Revocation",
	})
}

// reasonOf is what a status means. Only an error of OAuth's form is the service's
// own, whoever else answers on the way, and a 404 that is empty: that is what the
// draft has for an unknown user. Nothing else is final, nor are codes that tell of
// something else than the user.
func reasonOf(status int, code string, own, empty bool) logout.Reason {
	switch status {
	case http.StatusForbidden: // a missing scope, which somebody can add
		return logout.Unauthorized
	case http.StatusNotFound:
		if own || empty {
			return unlessNeverFinal(code, logout.NotFound)
		}
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		if own {
			return unlessNeverFinal(code, logout.BadRequest)
		}
	}
	return httpcall.ReasonOf(status)
}

func unlessNeverFinal(code string, final logout.Reason) logout.Reason {
	if reason, ok := neverFinal[code]; ok {
		return reason
	}
	return final
}

// neverFinal are the codes of OAuth that tell of the credentials or of the state of
// the service, at whatever status: RFC 6749, 6750, 8628, 9449 and 9470.
var neverFinal = map[string]logout.Reason{
	"access_denied":                    logout.Unauthorized,
	"insufficient_scope":               logout.Unauthorized,
	"insufficient_user_authentication": logout.Unauthorized,
	"invalid_client":                   logout.Unauthorized,
	"invalid_dpop_proof":               logout.Unauthorized,
	"invalid_scope":                    logout.Unauthorized,
	"invalid_token":                    logout.Unauthorized,
	"unauthorized_client":              logout.Unauthorized,
	"use_dpop_nonce":                   logout.Unauthorized,
	"server_error":                     logout.ServiceFailure,
	"slow_down":                        logout.Throttled,
	"temporarily_unavailable":          logout.ServiceUnavailable,
}

func requestID(a *bearer.Answer) string { return a.Header.Get("X-Request-Id") }
