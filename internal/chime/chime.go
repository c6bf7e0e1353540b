// Package chime logs users out by Amazon Chime's LogoutUser operation, at any
// endpoint that implements it. One Logout sends at most one request, and only
// 204, the answer that LogoutUser documents, counts as success.
//
// The operation:
// https://docs.aws.amazon.com/chime/latest/APIReference/API_LogoutUser.html
package chime

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awschime "github.com/aws/aws-sdk-go-v2/service/chime"

	"github.com/logout-operator/logout-operator/internal/awsauth"
	"github.com/logout-operator/logout-operator/internal/awscall"
	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// logoutUser is the operation, with the errors that it documents.
var logoutUser = awscall.Service{
	Operation: "LogoutUser",
	Status:    http.StatusNoContent,
	Codes: []awscall.Codes{
		{Reason: logout.BadRequest, Patterns: []string{"BadRequest"}},
		{Reason: logout.NotFound, Patterns: []string{"NotFound"}},
		{Reason: logout.Forbidden, Patterns: []string{"Forbidden"}},
		{Reason: logout.Unauthorized, Patterns: []string{"UnauthorizedClient"}},
		{Reason: logout.Throttled, Patterns: []string{"ThrottledClient"}},
		{Reason: logout.ServiceFailure, Patterns: []string{"ServiceFailure"}},
	},
}

// Config of a Client.
type Config struct {
	// Endpoint is the URL before /accounts/…; it may have a base path.
	Endpoint httpcall.Endpoint
	// Auth says how to sign, and for which region: us-east-1 for the documented
	// endpoint.
	Auth awsauth.Config
}

// Client calls LogoutUser. It is safe for concurrent use.
type Client struct {
	logout.IDs
	awscall.Caller
	api *awschime.Client
}

var _ logout.Client = (*Client)(nil)

// New returns a client. It sends nothing. The error says what is wrong with the
// configuration, and contains no credential.
func New(ctx context.Context, config Config) (*Client, error) {
	credentials, err := awsauth.New(ctx, config.Auth)
	if err != nil {
		return nil, err
	}
	c := &Client{
		IDs:    logout.IDs{Account: checkID, User: checkID},
		Caller: awscall.Caller{Service: logoutUser, Credentials: credentials, Wire: httpcall.NewWire(config.Auth.TLS)},
	}
	o := c.Options()
	c.api = awschime.New(awschime.Options{
		APIOptions:   o.APIOptions,
		AppID:        httpcall.UserAgent,
		BaseEndpoint: aws.String(config.Endpoint.String()),
		Credentials:  o.Credentials,
		HTTPClient:   o.HTTPClient,
		Region:       config.Auth.Region,
		Retryer:      o.Retryer,
	})
	return c, nil
}

// checkID rejects an ID that cannot be sent safely. The SDK inserts one ID after
// the other into a path with {AccountId} and {UserId}, and an ID can contain
// these.
func checkID(id string) error {
	if strings.ContainsAny(id, "{}") {
		return errors.New("must not contain any of { }: the service has it in the path of a URL")
	}
	return logout.CheckPathSegment(id)
}

// Logout logs the user out of every device. See logout.Client for its
// guarantees. If CheckIDs rejects an ID, or there are no credentials, it sends
// nothing.
func (c *Client) Logout(ctx context.Context, accountID, userID string) (logout.Receipt, error) {
	if err := c.CheckIDs(accountID, userID); err != nil {
		return logout.Receipt{}, err
	}
	out, err := c.api.LogoutUser(ctx, &awschime.LogoutUserInput{AccountId: &accountID, UserId: &userID})
	if err != nil {
		return logout.Receipt{}, c.Failure(err)
	}
	return c.Receipt(out.ResultMetadata), nil
}
