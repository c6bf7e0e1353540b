package chime

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Credentials are long-lived keys, or temporary ones with their session token.
// White space around each is ignored, as Secrets often end in a new line.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
}

// AssumeRole names a role to assume.
type AssumeRole struct {
	// RoleARN of the role.
	RoleARN string
	// ExternalID that the role's trust policy asks for; empty for none.
	ExternalID string
}

// stsTimeout bounds each request for credentials: the SDK's cache shares one
// retrieval among all that wait, and so detaches it from their deadlines.
const stsTimeout = 10 * time.Second

// newCredentials returns where to get the credentials that sign requests.
func newCredentials(ctx context.Context, config Config) (aws.CredentialsProvider, error) {
	options := []func(*awsconfig.LoadOptions) error{
		// Credentials may be issued in another region than the endpoint's.
		awsconfig.WithDefaultRegion(config.Region),
		awsconfig.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(stsTimeout).WithTransportOptions(
			func(t *http.Transport) { t.DisableKeepAlives = true })), // a call an hour
		awsconfig.WithLogger(logging.Nop{}),
	}
	if config.Credentials != nil {
		static, err := config.Credentials.provider()
		if err != nil || config.AssumeRole == nil {
			return static, err
		}
		options = append(options, awsconfig.WithCredentialsProvider(static))
	}
	loaded, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, errors.New(shorten("the operator's AWS configuration cannot be used: " + clean(err.Error())))
	}
	if config.AssumeRole == nil {
		return loaded.Credentials, nil
	}
	role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(loaded), config.AssumeRole.RoleARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "logout-operator" // what CloudTrail shows
		if config.AssumeRole.ExternalID != "" {
			o.ExternalID = &config.AssumeRole.ExternalID
		}
	})
	return aws.NewCredentialsCache(role, func(o *aws.CredentialsCacheOptions) {
		o.ExpiryWindow = time.Minute // no call begins with a token about to expire
	}), nil
}

// provider checks the keys and returns them as the SDK wants them.
func (c *Credentials) provider() (aws.CredentialsProvider, error) {
	key, secret, session := strings.TrimSpace(c.AccessKeyID), strings.TrimSpace(c.SecretAccessKey), strings.TrimSpace(c.SessionToken)
	for _, field := range []struct{ name, value string }{{"access key ID", key}, {"secret access key", secret}, {"session token", session}} {
		if strings.ContainsFunc(field.value, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, errors.New("the " + field.name + " contains white space or characters outside of ASCII")
		}
	}
	if key == "" || secret == "" {
		return nil, errors.New("the access key ID or the secret access key is empty")
	}
	return credentials.NewStaticCredentialsProvider(key, secret, session), nil
}

// credentialsError says why there are no credentials, in words fit for a
// status. It wraps nothing: STS quotes ARNs, and files their paths.
type credentialsError string

func (e credentialsError) Error() string { return "no credentials: " + string(e) }

// retrieve returns the credentials to sign with, or a credentialsError.
func (c *Client) retrieve(ctx context.Context) (aws.Credentials, error) {
	found, err := c.credentials.Retrieve(ctx)
	if err == nil {
		return found, nil
	}
	source, why := "the operator's AWS identity", "not usable" // say, a token file that is not there
	for cause := err; ; {
		op, ok := errors.AsType[*smithy.OperationError](cause)
		if !ok {
			break
		}
		if op.ServiceID == imds.ServiceID {
			// The last place the SDK searches, so there was nothing in the others.
			return aws.Credentials{}, credentialsError("none configured, and the operator has no AWS identity")
		}
		source, cause = op.ServiceID+" "+op.OperationName, op.Err // the innermost is what failed
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		why = "failed"
		if code := token(api.ErrorCode()); code != "" {
			why += " (" + code + ")"
		}
	} else if _, sent := errors.AsType[*smithyhttp.RequestSendError](err); sent || ctx.Err() != nil {
		why, _ = trouble(err)
	}
	return aws.Credentials{}, credentialsError(source + ": " + why)
}
