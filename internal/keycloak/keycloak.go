// Package keycloak logs users out of Keycloak by its Admin REST API. The account
// is a realm. One Logout is at most one logout request on the wire, beside one
// for a token and one that looks the user up, both of which change nothing.
//
// The API: https://www.keycloak.org/docs-api/latest/rest-api/index.html
package keycloak

import (
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
	// TokenRealm is the realm that the client is in.
	TokenRealm string
	// ClientID and ClientSecret of the client, which has a service account.
	ClientID, ClientSecret string
	// Lookup says what a user ID is.
	Lookup Lookup
}

// Client calls Keycloak. It is safe for concurrent use.
type Client struct {
	*bearer.Caller
	realms string // the URL that a realm's name is added to
	lookup Lookup
}

var _ logout.Client = (*Client)(nil)

// New returns a client. It sends nothing; the error says what is wrong with the
// configuration and holds no credential.
func New(config Config) (*Client, error) {
	if err := logout.CheckID(config.TokenRealm); err != nil {
		return nil, errors.New("token realm " + err.Error())
	}
	caller, err := bearer.New(bearer.Config{Client: &bearer.Client{
		TokenURL: config.Endpoint.Join("/realms/" + url.PathEscape(config.TokenRealm) + "/protocol/openid-connect/token"),
		ID:       config.ClientID,
		Secret:   config.ClientSecret,
	}}, httpcall.NewWire())
	if err != nil {
		return nil, err
	}
	return &Client{caller, config.Endpoint.Join("/admin/realms/").String(), config.Lookup}, nil
}

// Logout ends all sessions of the user. See logout.Client for what it promises.
func (c *Client) Logout(ctx context.Context, realm, userID string) (logout.Receipt, error) {
	if err := logout.CheckIDs(realm, userID); err != nil {
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
	return logout.Receipt{}, failure(answer, "Keycloak's logout")
}

func (c *Client) call(ctx context.Context, method, url string) (*bearer.Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, httpcall.Unreachable(err)
	}
	req.Header.Set("Accept", "application/json") // or errors are pages
	return c.Call(req)
}

// failure says what an answer means that is not the success of an operation.
func failure(a *bearer.Answer, operation string) *logout.Error {
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Message     string `json:"errorMessage"`
	}
	if a.Status >= http.StatusBadRequest { // else it is no error of Keycloak, whatever it carries
		_ = a.JSON(&body)
	}
	if body.Error == http.StatusText(a.Status) { // of a gateway: these are no words of Keycloak
		body.Error = ""
	}
	return a.Failure(httpcall.Finding{
		Reason:       reasonOf(a.Status, body.Error, body.Description, body.Message),
		ProviderWide: a.Status == http.StatusUnauthorized,
		Code:         body.Error,
		Message:      words(body.Message, body.Error, body.Description),
		Operation:    operation,
	})
}

// reasonOf is what a status means, with Keycloak's words beside it, of which a page
// has none. It tells a missing user and realm by words alone: by a 404 it also says
// that it does not know the path.
func reasonOf(status int, said ...string) logout.Reason {
	switch status {
	case http.StatusForbidden: // a missing role, which somebody can grant
		return logout.Unauthorized
	case http.StatusBadRequest: // the only other 4xx that Keycloak documents
		if strings.Join(said, "") != "" {
			return logout.BadRequest
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

// words returns the first text that is for people, not a code.
func words(texts ...string) string {
	for _, text := range texts {
		if strings.Contains(text, " ") {
			return text
		}
	}
	return ""
}
