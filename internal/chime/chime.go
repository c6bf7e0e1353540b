// Package chime logs users out by Amazon Chime's LogoutUser operation, at
// whatever endpoint speaks it. One Logout is at most one request on the wire,
// and only the answer that LogoutUser documents, 204, counts as success.
//
// The operation: https://docs.aws.amazon.com/chime/latest/APIReference/API_LogoutUser.html
package chime

import (
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awschime "github.com/aws/aws-sdk-go-v2/service/chime"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// Config of a Client.
type Config struct {
	// Endpoint is the URL before /accounts/…; it may have a base path. It must
	// pass CheckEndpoint.
	Endpoint string
	// AllowInsecure allows Endpoint to be http on another host than the loopback.
	AllowInsecure bool
	// Region goes into the signature; us-east-1 for the documented endpoint.
	Region string
	// Credentials to sign with; nil for the program's own AWS identity, found
	// as every AWS SDK finds it (environment, web identity, pod identity,
	// shared files, instance metadata).
	Credentials *Credentials
	// AssumeRole, where not nil, is assumed with those credentials by AWS STS,
	// and the requests are signed with the role's.
	AssumeRole *AssumeRole
}

// Client calls LogoutUser. It is safe for concurrent use.
type Client struct {
	api         *awschime.Client
	credentials aws.CredentialsProvider
	wire        *wire
}

var _ logout.Provider = (*Client)(nil)

// New returns a client. It sends nothing; the error says what is wrong with the
// configuration and holds no credential.
func New(ctx context.Context, config Config) (*Client, error) {
	if err := CheckEndpoint(config.Endpoint, config.AllowInsecure); err != nil {
		return nil, errors.New("endpoint " + err.Error())
	}
	if !smithyhttp.ValidHostLabel(config.Region) {
		return nil, errors.New("region must consist of letters, digits and -")
	}
	credentials, err := newCredentials(ctx, config)
	if err != nil {
		return nil, err
	}
	c := &Client{credentials: credentials, wire: newWire()}
	// Made from these options alone, not from an aws.Config, so that no
	// AWS_ENDPOINT_URL, AWS_USE_FIPS_ENDPOINT, AWS_MAX_ATTEMPTS or shared file
	// changes where a logout goes or how often.
	c.api = awschime.New(awschime.Options{
		APIOptions:   []func(*middleware.Stack) error{onlyNoContent},
		AppID:        "logout-operator", // in the User-Agent
		BaseEndpoint: aws.String(config.Endpoint),
		Credentials:  aws.CredentialsProviderFunc(c.retrieve),
		HTTPClient:   c.wire,
		Region:       config.Region,
		Retryer:      aws.NopRetryer{},
	})
	return c, nil
}

// Logout logs the user out of every device. See logout.Provider for what it
// promises. IDs that logout.CheckID refuses, and credentials that cannot be
// had, end it before anything is sent.
func (c *Client) Logout(ctx context.Context, accountID, userID string) (logout.Receipt, error) {
	for _, id := range []struct{ field, value string }{{"accountID", accountID}, {"userID", userID}} {
		if err := logout.CheckID(id.value); err != nil {
			return logout.Receipt{}, &logout.Error{
				Reason:  logout.BadRequest,
				Class:   logout.Permanent,
				Message: id.field + " " + err.Error(),
			}
		}
	}
	out, err := c.api.LogoutUser(ctx, &awschime.LogoutUserInput{AccountId: &accountID, UserId: &userID})
	if err != nil {
		return logout.Receipt{}, c.failure(err)
	}
	receipt := logout.Receipt{HTTPStatusCode: http.StatusNoContent} // onlyNoContent lets no other pass
	if resp, ok := awsmiddleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response); ok {
		receipt.RequestID = requestID(resp.Header)
	}
	return receipt, nil
}

// CheckCredentials retrieves the credentials, which may mean asking AWS STS or
// the instance's metadata but never the endpoint. The error is fit for people
// and holds no credential.
func (c *Client) CheckCredentials(ctx context.Context) error {
	_, err := c.retrieve(ctx)
	return err
}

// Close closes idle connections. Calls under way go on, and so may later ones.
func (c *Client) Close() { c.wire.transport.CloseIdleConnections() }

// failure turns what the SDK returned into the seam's error.
func (c *Client) failure(err error) *logout.Error {
	if a, ok := errors.AsType[*answer](err); ok {
		e := classify(a)
		if cache, ok := c.credentials.(*aws.CredentialsCache); ok && e.Reason == logout.Unauthorized {
			// The service knows better than the expiry time: the next attempt
			// retrieves them anew.
			cache.Invalidate()
		}
		return e
	}
	if e, ok := errors.AsType[credentialsError](err); ok {
		return &logout.Error{
			Reason:       logout.Unauthorized,
			Class:        logout.RetrySlowly,
			ProviderWide: true,
			Message:      e.Error(),
		}
	}
	return unreachable(err)
}
