// Package cognito signs users out of Amazon Cognito by AdminUserGlobalSignOut.
// The account is a user pool, the user a name in it. One Logout is at most one
// request on the wire.
//
// The operation: https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminUserGlobalSignOut.html
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

// signOut and the errors it documents. ForbiddenException is the answer of a web
// ACL (AWS WAF) of the user pool, which somebody can fix; so no logout may fail
// for good by it, as by Chime's code of the same name.
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

// isSuccess tells the service's answer, a JSON object without members, from those
// of whatever else answers 200: pages, and objects that say what is wrong.
func isSuccess(a *httpcall.Answer) bool {
	media, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	var object map[string]any
	return err == nil && (media == "application/x-amz-json-1.1" || media == "application/json") &&
		a.JSON(&object) && object != nil && len(object) == 0
}

// Config of a Client.
type Config struct {
	// Endpoint is the URL of the service; empty for that of AWS in the region.
	Endpoint httpcall.Endpoint
	// Auth says what to sign with, and the region of the user pools.
	Auth awsauth.Config
}

// Client calls AdminUserGlobalSignOut. It is safe for concurrent use.
type Client struct {
	awscall.Caller
	api *cognitoidentityprovider.Client
}

var _ logout.Client = (*Client)(nil)

// New returns a client. It sends nothing; the error says what is wrong with the
// configuration and holds no credential.
func New(ctx context.Context, config Config) (*Client, error) {
	credentials, err := awsauth.New(ctx, config.Auth)
	if err != nil {
		return nil, err
	}
	c := &Client{Caller: awscall.Caller{Service: signOut, Credentials: credentials, Wire: httpcall.NewWire()}}
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

// Logout signs the user out of every device: all refresh tokens are revoked. See
// logout.Client for what it promises. IDs that logout.CheckID refuses, and
// credentials that cannot be had, end it before anything is sent.
func (c *Client) Logout(ctx context.Context, userPoolID, userName string) (logout.Receipt, error) {
	if err := logout.CheckIDs(userPoolID, userName); err != nil {
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
