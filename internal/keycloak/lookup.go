package keycloak

import (
	"context"
	"net/http"
	"net/url"

	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// Lookup is the attribute that identifies a user.
type Lookup string

// The ways to identify a user. The values are the parameters of the API.
const (
	ByID       Lookup = ""
	ByUsername Lookup = "username"
	ByEmail    Lookup = "email"
)

// user is a user in the result of a search.
type user struct {
	ID       string `json:"id"`
	Username string `json:"username"`
	Email    string `json:"email"`
}

// find returns the ID of the one user with this name. It checks the result of
// the search, because a version of Keycloak that does not know the parameter
// exact would find other users, too.
func (c *Client) find(ctx context.Context, users, name string) (string, error) {
	const two = "2" // two results are enough to see that there is more than one
	query := url.Values{string(c.lookup): {name}, "exact": {"true"}, "briefRepresentation": {"true"}, "max": {two}}
	answer, err := c.call(ctx, http.MethodGet, users+"?"+query.Encode())
	if err != nil {
		return "", err
	}
	const operation = "Keycloak's search for users"
	var found []user
	if answer.Status != http.StatusOK {
		return "", failure(answer, operation)
	}
	if !answer.JSON(&found) || found == nil {
		return "", answer.Failure(httpcall.Finding{Reason: logout.UnexpectedResponse, Operation: operation})
	}
	for _, u := range found {
		if logout.CheckID(u.ID) != nil || !sameName(c.lookup.of(u), name) {
			return "", answer.Failure(httpcall.Finding{Reason: logout.UnexpectedResponse, Operation: operation})
		}
	}
	switch len(found) {
	case 0:
		return "", answer.Failure(httpcall.Finding{Reason: logout.NotFound,
			Message: "no user of the realm has this " + string(c.lookup)})
	case 1:
		return found[0].ID, nil
	}
	return "", answer.Failure(httpcall.Finding{Reason: logout.BadRequest,
		Message: "several users of the realm have this " + string(c.lookup)})
}

// of returns the attribute of a user that must equal the name that was searched
// for.
func (l Lookup) of(u user) string {
	if l == ByEmail {
		return u.Email
	}
	return u.Username
}
