// Package kratos ends the sessions of identities by the admin API of Ory
// Kratos. The user is an identity; there are no accounts, so that the account
// is not sent.
//
// Kratos answers a logout with 404 both if the identity has no session left and
// if there is no such identity. Only then is a second request sent, which reads
// the identity.
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

	"github.com/logout-operator/logout-operator/internal/bearer"
	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// The operations, by their names in Ory's API.
const (
	deleteSessions = "deleteIdentitySessions"
	getIdentity    = "getIdentity"
)

// csrf is Kratos's code for requests that its public API takes for a browser's:
// the endpoint is the other of its two ports.
const csrf = "security_csrf_violation"

// unknown is what Kratos says of an identity that there is not, or that has no
// session. Ory's proxy says something else, in the same form, of a path that it
// has no rule for.
var unknown = []string{"Unable to locate the resource", "The requested resource could not be found"}

// Config of a Client.
type Config struct {
	// Endpoint is the URL before /admin.
	Endpoint httpcall.Endpoint
	// Token is sent as a bearer token; empty for none.
	Token string
}

// Client ends sessions. It is safe for concurrent use.
type Client struct {
	identities string // the URL that an identity's ID is added to
	caller     *bearer.Caller
}

var _ logout.Client = (*Client)(nil)

// New returns a client. It sends nothing; the error says what is wrong with the
// configuration and holds no credential.
func New(config Config) (*Client, error) {
	wire := httpcall.NewWire()
	caller := bearer.Anonymous(wire)
	if config.Token != "" {
		var err error
		if caller, err = bearer.New(bearer.Config{Token: config.Token}, wire); err != nil {
			return nil, err
		}
	}
	return &Client{identities: config.Endpoint.Join("/admin/identities/").String(), caller: caller}, nil
}

// Logout ends all sessions of an identity. See logout.Client for what it
// promises. The account is checked like every ID, and not sent.
func (c *Client) Logout(ctx context.Context, accountID, identityID string) (logout.Receipt, error) {
	if err := logout.CheckIDs(accountID, identityID); err != nil {
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
		return c.whetherKnown(ctx, identity)
	}
	return logout.Receipt{}, failure(a, deleteSessions)
}

// whetherKnown tells an identity without sessions, which is logged out, from one
// that there is not. net/http repeats this request by itself, unlike the logout,
// if the connection it took from its pool turns out to be closed: it only reads.
func (c *Client) whetherKnown(ctx context.Context, identity string) (logout.Receipt, error) {
	a, err := c.call(ctx, http.MethodGet, identity)
	switch {
	case err != nil:
		return logout.Receipt{}, err
	case a.Status == http.StatusOK && !brokeOff(a) && hasID(a.Body):
		return a.Receipt(""), nil
	}
	return logout.Receipt{}, failure(a, getIdentity)
}

func (c *Client) call(ctx context.Context, method, address string) (*bearer.Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil { // not of an endpoint that was checked and an ID that is escaped
		return nil, httpcall.Unreachable(err)
	}
	req.Header.Set("Accept", "application/json")
	return c.caller.Call(req)
}

// failure says what an answer means that is not the confirmation. Kratos itself
// refuses nobody: 401 and 403 are those of what stands before it, and somebody
// can fix them. 403 may be a rule that concerns one identity or path only, so that
// it says nothing about other calls. What would be final is so in Kratos's own
// words only.
func failure(a *bearer.Answer, operation string) *logout.Error {
	own := problemOf(a)
	finding := httpcall.Finding{
		Reason: httpcall.ReasonOf(a.Status), Operation: operation,
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
	case a.Status == http.StatusBadRequest && own.Code == a.Status:
		finding.Reason = logout.BadRequest
	}
	return a.Failure(finding)
}

// problem is the form that all Ory's services give their errors.
type problem struct {
	ID      string // such as security_csrf_violation; most have none
	Code    int    // the HTTP status, again
	Message string
	Reason  string
	Request string
}

// problemOf reads an error; zero if it is not one of Ory's.
func problemOf(a *bearer.Answer) problem {
	var body struct{ Error problem }
	if !a.JSON(&body) {
		return problem{}
	}
	return body.Error
}

// isNotFound reports whether Kratos says that it found nothing. A 404 in another
// form or other words comes from whoever does not know the operation.
func isNotFound(a *bearer.Answer) bool {
	own := problemOf(a)
	return a.Status == http.StatusNotFound && own.Code == a.Status && slices.Contains(unknown, own.Message)
}

// brokeOff reports whether less came of an answer than was sent, other than what
// is beyond the bound.
func brokeOff(a *bearer.Answer) bool { return a.Partial && len(a.Body) < httpcall.MaxBody }

// hasID reports whether a text begins as an identity does: a JSON object with an
// ID. An identity may be longer than what is read of it.
func hasID(body []byte) bool {
	in := json.NewDecoder(bytes.NewReader(body))
	if open, err := in.Token(); err != nil || open != json.Delim('{') {
		return false
	}
	for in.More() {
		var value any
		name, err := in.Token()
		if err != nil || in.Decode(&value) != nil {
			return false
		}
		if name == "id" {
			id, ok := value.(string)
			return ok && id != ""
		}
	}
	return false
}

// CheckCredentials returns nil: a token is there or is not needed, and only a
// call shows what it is good for.
func (c *Client) CheckCredentials(context.Context) error { return nil }

// Close frees idle connections; calls under way go on.
func (c *Client) Close() { c.caller.Close() }
