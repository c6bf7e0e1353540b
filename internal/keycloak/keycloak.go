// Package keycloak logs users out of Keycloak by its Admin REST API. The
// account is a realm. One Logout sends at most one logout request, and before it
// at most one for a token and two that look the user up, which change nothing. A
// request whose token has ended is sent once more (package bearer).
//
// The API: https://www.keycloak.org/docs-api/latest/rest-api/index.html
package keycloak

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/logout-operator/logout-operator/internal/bearer"
	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// Config of a Client.
type Config struct {
	// Endpoint is the URL of Keycloak, with its base path if it has one.
	Endpoint httpcall.Endpoint
	// TokenRealm is the realm of the client.
	TokenRealm string
	// ClientID and ClientSecret of the client, which has a service account.
	ClientID, ClientSecret string
	// Lookup says how a user ID identifies a user.
	Lookup Lookup
	// TLS configures all connections.
	TLS httpcall.TLS
}

// Client calls Keycloak. It is safe for concurrent use.
type Client struct {
	logout.IDs
	*bearer.Caller
	realms string // the URL to which a realm's name is appended
	lookup Lookup
}

var _ logout.Client = (*Client)(nil)

// endSessions is the name of the logout itself, for messages.
const endSessions = "Keycloak's logout"

// New returns a client. It sends nothing. The error says what is wrong with the
// configuration, and contains no credential.
func New(config Config) (*Client, error) {
	if err := cmp.Or(logout.CheckID(config.TokenRealm), logout.CheckPathSegment(config.TokenRealm)); err != nil {
		return nil, errors.New("token realm " + err.Error())
	}
	caller, err := bearer.New(bearer.Config{Client: &bearer.Client{
		TokenURL: config.Endpoint.Join("/realms/" + url.PathEscape(config.TokenRealm) +
			"/protocol/openid-connect/token"),
		ID:     config.ClientID,
		Secret: config.ClientSecret,
	}}, httpcall.NewWire(config.TLS))
	if err != nil {
		return nil, err
	}
	ids := logout.IDs{Account: logout.CheckPathSegment}
	if config.Lookup == ByID { // otherwise it is in a query
		ids.User = checkUserID
	}
	return &Client{ids, caller, config.Endpoint.Join("/admin/realms/").String(), config.Lookup}, nil
}

// checkUserID rejects a user's ID that cannot be sent safely. IDs from federated
// stores may have a #. If a proxy cuts the path there, nothing happens: Keycloak
// takes no POST at a user.
func checkUserID(id string) error {
	before, _, _ := strings.Cut(id, "#")
	if strings.Trim(before, ".") == "" {
		return errors.New("must not have only dots before a #: Keycloak has it in the path of a URL")
	}
	return logout.CheckPathSegment(strings.ReplaceAll(id, "#", ""))
}

// Logout ends all sessions of the user. See logout.Client for its guarantees.
func (c *Client) Logout(ctx context.Context, realm, userID string) (logout.Receipt, error) {
	if err := c.CheckIDs(realm, userID); err != nil {
		return logout.Receipt{}, err
	}
	users := c.realms + url.PathEscape(realm) + "/users"
	id := userID
	if c.lookup != ByID {
		var err error
		if id, err = c.find(ctx, users, userID); err != nil {
			return logout.Receipt{}, err
		}
	}
	answer, err := c.call(ctx, http.MethodPost, users+"/"+url.PathEscape(id)+"/logout")
	switch {
	case err != nil:
		return logout.Receipt{}, err
	case answer.Status == http.StatusNoContent:
		return answer.Receipt(""), nil
	}
	return logout.Receipt{}, failure(answer, endSessions)
}

func (c *Client) call(ctx context.Context, method, url string) (*bearer.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, httpcall.Unreachable(err)
	}
	req.Header.Set("Accept", "application/json") // otherwise errors are HTML pages
	return c.Call(req)
}

// failure returns the error for an answer that is not the success of an
// operation.
func failure(a *bearer.Response, operation string) *logout.Error {
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Message     string `json:"errorMessage"`
	}
	if a.Status >= http.StatusBadRequest { // otherwise it is not an error of Keycloak, whatever it contains
		_ = a.JSON(&body)
	}
	if body.Error == http.StatusText(a.Status) { // this text comes from a gateway, not from Keycloak
		body.Error = ""
	}
	e := a.Failure(httpcall.Finding{
		Reason:       reasonOf(a.Status, body.Error, body.Description, body.Message),
		ProviderWide: a.Status == http.StatusUnauthorized,
		Code:         body.Error,
		Message:      words(body.Message, body.Error, body.Description),
		Operation:    operation,
		LogsOut:      operation == endSessions,
	})
	if a.Status == http.StatusForbidden && body.Error == "HTTP 403 Forbidden" { // says nothing, but is Keycloak's own
		e.Message, e.Words = "Keycloak refuses the client (HTTP 403): give its service account the role manage-users", ""
	}
	return e
}

// reasonOf returns the meaning of a status together with Keycloak's texts,
// which an HTML page does not have. Only the texts tell a missing user or
// realm, because Keycloak also answers 404 for a path that it does not know.
func reasonOf(status int, code string, more ...string) logout.Reason {
	said := append([]string{code}, more...)
	switch status {
	case http.StatusForbidden: // a missing role, which somebody can grant
		return logout.Unauthorized
	case http.StatusBadRequest: // the only other 4xx that Keycloak documents
		if strings.Join(said, "") != "" {
			return bearer.UnlessPassing(code, logout.BadRequest)
		}
	case http.StatusNotFound:
		for _, words := range said {
			if strings.HasPrefix(words, "User not found") || strings.HasPrefix(words, "Realm not found") {
				return logout.NotFound
			}
		}
	}
	return httpcall.ReasonOf(status)
}

// words returns the first text that is a message, not a code.
func words(texts ...string) string {
	for _, text := range texts {
		if strings.Contains(text, " ") {
			return text
		}
	}
	return ""
}
