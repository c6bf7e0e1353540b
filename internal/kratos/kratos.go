// Package kratos ends the sessions of identities by the admin API of Ory
// Kratos. The user is an identity. Kratos has no accounts, so the account is
// not sent.
//
// Kratos answers a logout with 404 both if the identity has no session left and
// if there is no such identity. Only then the client sends a second request,
// which reads the identity.
//
// The operations: https://www.ory.sh/docs/kratos/reference/api
package kratos

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"github.com/google/uuid"

	"github.com/logout-operator/logout-operator/internal/bearer"
	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// The operations, by their names in Ory's API.
const (
	deleteSessions = "deleteIdentitySessions"
	getIdentity    = "getIdentity"
)

// csrf is the error ID for requests that Kratos's public API takes for a
// browser's: the endpoint is the wrong one of its two ports.
const csrf = "security_csrf_violation"

// unknown lists Kratos's messages for an identity that does not exist or has no
// session. Ory's proxy has another message, in the same form, for a path that
// no rule matches.
var unknown = []string{"Unable to locate the resource", "The requested resource could not be found"}

// Config of a Client.
type Config struct {
	// Endpoint is the URL before /admin.
	Endpoint httpcall.Endpoint
	// Token is sent as a bearer token; empty for none.
	Token string
	// TLS configures all connections.
	TLS httpcall.TLS
}

// Client ends sessions. It is safe for concurrent use.
type Client struct {
	logout.IDs
	identities string // the URL to which an identity's ID is appended
	caller     *bearer.Caller
}

var _ logout.Client = (*Client)(nil)

// New returns a client. It sends nothing. The error says what is wrong with the
// configuration, and contains no credential.
func New(config Config) (*Client, error) {
	wire := httpcall.NewWire(config.TLS)
	caller := bearer.Anonymous(wire)
	if config.Token != "" {
		var err error
		if caller, err = bearer.New(bearer.Config{Token: config.Token}, wire); err != nil {
			return nil, err
		}
	}
	return &Client{
		IDs:        logout.IDs{User: logout.CheckPathSegment},
		identities: config.Endpoint.Join("/admin/identities/").String(),
		caller:     caller,
	}, nil
}

// Logout ends all sessions of an identity. See logout.Client for its
// guarantees. It checks the account like every ID, but does not send it.
func (c *Client) Logout(ctx context.Context, accountID, identityID string) (logout.Receipt, error) {
	if err := c.CheckIDs(accountID, identityID); err != nil {
		return logout.Receipt{}, err
	}
	identity := c.identities + url.PathEscape(identityID)
	a, err := c.call(ctx, http.MethodDelete, identity+"/sessions")
	switch {
	case err != nil:
		return logout.Receipt{}, err
	case a.Status == http.StatusNoContent:
		return a.Receipt(""), nil
	case isNotFound(a):
		return c.whetherKnown(ctx, identity, identityID)
	}
	return logout.Receipt{}, failure(a, deleteSessions, identityID)
}

// whetherKnown distinguishes an identity without sessions, which is logged out,
// from one that does not exist. net/http retries this request by itself, which
// it does not do for the logout, if a connection from its pool turns out to be
// closed: the request only reads.
func (c *Client) whetherKnown(ctx context.Context, identity, identityID string) (logout.Receipt, error) {
	a, err := c.call(ctx, http.MethodGet, identity)
	switch {
	case err != nil:
		return logout.Receipt{}, err
	case a.Status == http.StatusOK && !brokeOff(a) && sameID(idOf(a.Body), identityID):
		return a.Receipt(""), nil
	}
	return logout.Receipt{}, failure(a, getIdentity, identityID)
}

func (c *Client) call(ctx context.Context, method, address string) (*bearer.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil { // impossible: the endpoint is checked and the ID is escaped
		return nil, httpcall.Unreachable(err)
	}
	req.Header.Set("Accept", "application/json")
	return c.caller.Call(req)
}

// failure returns the error for an answer that does not confirm the logout.
// Kratos itself rejects no caller: 401 and 403 come from a proxy before it, and
// somebody can fix them. 403 may come from a rule for one identity or path, so
// it says nothing about other calls. A failure is final only if Kratos's own
// message says so. It answers 400 only if the ID is no UUID; Ory's proxy may
// do so for other reasons.
func failure(a *bearer.Response, operation, identityID string) *logout.Error {
	own := problemOf(a)
	finding := httpcall.Finding{
		Reason: httpcall.ReasonOf(a.Status), Operation: operation, LogsOut: operation == deleteSessions,
		Code: own.ID, Message: own.Reason, RequestID: own.Request,
	}
	if finding.Message == "" {
		finding.Message = own.Message
	}
	switch {
	case own.ID == csrf:
		finding.Reason = logout.UnexpectedResponse
	case a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden:
		finding.Reason, finding.ProviderWide = logout.Unauthorized, a.Status == http.StatusUnauthorized
	case operation == getIdentity && isNotFound(a):
		finding.Reason = logout.NotFound
	case a.Status == http.StatusBadRequest && own.Code == a.Status && uuid.Validate(identityID) != nil:
		finding.Reason = logout.BadRequest
	}
	return a.Failure(finding)
}

// problem is the error format of all of Ory's services.
type problem struct {
	ID      string // such as security_csrf_violation; most have none
	Code    int    // the HTTP status, repeated
	Message string
	Reason  string
	Request string
}

// problemOf reads an error; zero if it is not one of Ory's.
func problemOf(a *bearer.Response) problem {
	var body struct{ Error problem }
	if !a.JSON(&body) {
		return problem{}
	}
	return body.Error
}

// isNotFound reports whether Kratos says that it found nothing. A 404 in
// another format or with another message comes from a server that does not know
// the operation.
func isNotFound(a *bearer.Response) bool {
	own := problemOf(a)
	return a.Status == http.StatusNotFound && own.Code == a.Status && slices.Contains(unknown, own.Message)
}

// brokeOff reports whether the answer was cut off before the limit of what is
// read.
func brokeOff(a *bearer.Response) bool { return a.Partial && len(a.Body) < httpcall.MaxBody }

// sameID reports whether two texts are the same UUID, which can be written in several ways.
func sameID(a, b string) bool {
	x, errX := uuid.Parse(a)
	y, errY := uuid.Parse(b)
	return errX == nil && errY == nil && x == y
}

// idOf returns the ID of an identity; empty if the text does not begin like one. An identity may be longer than the
// part that is read.
func idOf(body []byte) string {
	in := json.NewDecoder(bytes.NewReader(body))
	if open, err := in.Token(); err != nil || open != json.Delim('{') {
		return ""
	}
	for in.More() {
		var value any
		name, err := in.Token()
		if err != nil || in.Decode(&value) != nil {
			return ""
		}
		if name == "id" {
			id, _ := value.(string)
			return id
		}
	}
	return ""
}

// CheckCredentials returns nil: the token is there or is not needed, and only a
// call shows whether it is valid.
func (c *Client) CheckCredentials(context.Context) error { return nil }

// Close closes idle connections. Calls under way continue.
func (c *Client) Close() { c.caller.Close() }
