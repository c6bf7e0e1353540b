package keycloak

import (
	"cmp"
	"context"
	"net/http"
	"net/url"

	"github.com/logout-operator/logout-operator/internal/bearer"
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
	found, answer, err := c.search(ctx, users, url.Values{string(c.lookup): {name}, "exact": {"true"}, "max": {two}})
	if err != nil {
		return "", err
	}
	for _, u := range found {
		switch other := c.lookup.of(u); {
		case cmp.Or(logout.CheckID(u.ID), checkUserID(u.ID)) != nil || other == "":
			return "", unexpected(answer)
		case !sameName(other, name):
			e := unexpected(answer)
			e.Message = "Keycloak's search found a user with another " + string(c.lookup) +
				": write the userID exactly as Keycloak shows it"
			return "", e
		}
	}
	switch len(found) {
	case 0:
		return "", c.nobody(ctx, users)
	case 1:
		return found[0].ID, nil
	}
	return "", answer.Failure(httpcall.Finding{Reason: logout.BadRequest,
		Message: "several users of the realm have this " + string(c.lookup)})
}

// nobody returns the error for a search that has found nobody. That is final
// only if the client sees anybody at all: Keycloak answers a client that may
// search for users but not see them in the same way.
func (c *Client) nobody(ctx context.Context, users string) error {
	anybody, answer, err := c.search(ctx, users, url.Values{"max": {"1"}})
	if err != nil {
		return err
	}
	if len(anybody) == 0 {
		e := answer.Failure(httpcall.Finding{Reason: logout.Unauthorized})
		e.Message = "the client sees no user of the realm: give its service account the role manage-users"
		return e
	}
	return answer.Failure(httpcall.Finding{Reason: logout.NotFound,
		Message: "no user of the realm has this " + string(c.lookup)})
}

// search returns the users that a query finds, and the answer.
func (c *Client) search(ctx context.Context, users string, query url.Values) ([]user, *bearer.Response, error) {
	query.Set("briefRepresentation", "true")
	answer, err := c.call(ctx, http.MethodGet, users+"?"+query.Encode())
	if err != nil {
		return nil, nil, err
	}
	var found []user
	switch {
	case answer.Status != http.StatusOK:
		return nil, nil, failure(answer, searching)
	case !answer.JSON(&found) || found == nil:
		return nil, nil, unexpected(answer)
	}
	return found, answer, nil
}

// searching is the name of the operation, for messages.
const searching = "Keycloak's search for users"

func unexpected(a *bearer.Response) *logout.Error {
	return a.Failure(httpcall.Finding{Reason: logout.UnexpectedResponse, Operation: searching})
}

// of returns the attribute of a user that must equal the name that was searched
// for.
func (l Lookup) of(u user) string {
	if l == ByEmail {
		return u.Email
	}
	return u.Username
}
