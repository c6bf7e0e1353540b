// Package cognito signs users out of Amazon Cognito by AdminUserGlobalSignOut.
// The account is a user pool, and the user is a username in it. One Logout
// sends at most one request.
//
// The operation:
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminUserGlobalSignOut.html
package cognito

import (
	"context"
	"mime"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"

	"github.com/logout-operator/logout-operator/internal/awsauth"
	"github.com/logout-operator/logout-operator/internal/awscall"
	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// signOut is the operation, with the errors that it documents.
// ForbiddenException comes from a web ACL (AWS WAF) of the user pool, which
// somebody can fix. So it must not be final, unlike Chime's code of the same
// name.
var signOut = awscall.Service{
	Operation: "AdminUserGlobalSignOut",
	Status:    http.StatusOK,
	IsSuccess: isSuccess,
	Codes: []awscall.Codes{
		{Reason: logout.BadRequest, Patterns: []string{"InvalidParameter"}},
		{Reason: logout.NotFound, Patterns: []string{"UserNotFound", "ResourceNotFound"}},
		{Reason: logout.Unauthorized, Patterns: []string{"Forbidden"}},
		{Reason: logout.Throttled, Patterns: []string{"LimitExceeded", "RequestLimitExceeded"}},
		{Reason: logout.ServiceFailure, Patterns: []string{"InternalError", "InternalServerError"}},
		{Reason: logout.UnexpectedResponse, Patterns: []string{"OperationNotEnabled"}}, // a setting of the pool
	},
}

// isSuccess distinguishes the service's answer, a JSON object without members,
// from other answers with status 200: web pages, and objects that report an
// error.
func isSuccess(a *httpcall.Response) bool {
	media, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	var object map[string]any
	return err == nil && (media == "application/x-amz-json-1.1" || media == "application/json") &&
		a.JSON(&object) && object != nil && len(object) == 0
}

// Config of a Client.
type Config struct {
	// Endpoint is the URL of the service; empty for the one of AWS in the
	// region.
	Endpoint httpcall.Endpoint
	// Auth says how to sign, and in which region the user pools are.
	Auth awsauth.Config
}

// Client calls AdminUserGlobalSignOut. It is safe for concurrent use.
type Client struct {
	logout.IDs // both in JSON
	awscall.Caller
	api *cognitoidentityprovider.Client
}

var _ logout.Client = (*Client)(nil)

// New returns a client. It sends nothing. The error says what is wrong with the
// configuration, and contains no credential.
func New(ctx context.Context, config Config) (*Client, error) {
	credentials, err := awsauth.New(ctx, config.Auth)
	if err != nil {
		return nil, err
	}
	c := &Client{Caller: awscall.Caller{Service: signOut, Credentials: credentials, Wire: httpcall.NewWire(config.Auth.TLS)}}
	o := c.Options()
	options := cognitoidentityprovider.Options{
		APIOptions:  o.APIOptions,
		AppID:       httpcall.UserAgent,
		Credentials: o.Credentials,
		HTTPClient:  o.HTTPClient,
		Region:      config.Auth.Region,
		Retryer:     o.Retryer,
	}
	if endpoint := config.Endpoint.String(); endpoint != "" {
		options.BaseEndpoint = aws.String(endpoint)
	}
	c.api = cognitoidentityprovider.New(options)
	return c, nil
}

// Logout signs the user out of every device: it revokes all refresh tokens. See
// logout.Client for its guarantees. If CheckIDs rejects an ID, or there are no
// credentials, it sends nothing.
func (c *Client) Logout(ctx context.Context, userPoolID, userName string) (logout.Receipt, error) {
	if err := c.CheckIDs(userPoolID, userName); err != nil {
		return logout.Receipt{}, err
	}
	out, err := c.api.AdminUserGlobalSignOut(ctx, &cognitoidentityprovider.AdminUserGlobalSignOutInput{
		UserPoolId: &userPoolID,
		Username:   &userName,
	})
	if err != nil {
		return logout.Receipt{}, c.Failure(err)
	}
	return c.Receipt(out.ResultMetadata), nil
}
