// Package awsauth gets the credentials that calls of AWS services are signed
// with: keys, the program's own AWS identity, or a role to assume with either.
package awsauth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
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

	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// Keys of a Secret: the names the AWS tools give their environment variables.
const (
	keyAccessKeyID     = "AWS_ACCESS_KEY_ID"
	keySecretAccessKey = "AWS_SECRET_ACCESS_KEY" //nolint:gosec // the name of a key, not a credential
	keySessionToken    = "AWS_SESSION_TOKEN"     //nolint:gosec // likewise
)

// Config says where credentials come from.
type Config struct {
	// Region to ask for a role in, unless the program's environment names one,
	// and to sign for.
	Region string
	// Keys to sign with; nil for the program's own AWS identity, found as every
	// AWS SDK finds it (environment, web identity, pod identity, shared files,
	// instance metadata).
	Keys *Keys
	// AssumeRole, where not nil, is assumed with those by AWS STS, and calls are
	// signed with the role's credentials.
	AssumeRole *AssumeRole
}

// Keys are long-lived keys, or temporary ones with their session token. White
// space around each is ignored, as Secrets often end in a new line.
type Keys struct {
	AccessKeyID, SecretAccessKey, SessionToken string
}

// KeysFrom finds the keys in a Secret's data. The error names the key that is
// missing.
func KeysFrom(data map[string][]byte) (*Keys, error) {
	for _, key := range []string{keyAccessKeyID, keySecretAccessKey} {
		if len(data[key]) == 0 {
			return nil, errors.New("has no key " + key + ", or it is empty")
		}
	}
	return &Keys{
		AccessKeyID:     string(data[keyAccessKeyID]),
		SecretAccessKey: string(data[keySecretAccessKey]),
		SessionToken:    string(data[keySessionToken]),
	}, nil
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

// Source gives credentials. It is safe for concurrent use.
type Source struct {
	provider aws.CredentialsProvider
	last     atomic.Pointer[aws.Credentials] // that were given
}

// New returns a source. It asks nobody yet; the error says what is wrong with
// the configuration and holds no credential.
func New(ctx context.Context, config Config) (*Source, error) {
	if !smithyhttp.ValidHostLabel(config.Region) {
		return nil, errors.New("region must consist of letters, digits and -")
	}
	provider, err := newProvider(ctx, config)
	if err != nil {
		return nil, err
	}
	return &Source{provider: provider}, nil
}

func newProvider(ctx context.Context, config Config) (aws.CredentialsProvider, error) {
	options := []func(*awsconfig.LoadOptions) error{
		// Credentials may be issued in another region than the endpoint's.
		awsconfig.WithDefaultRegion(config.Region),
		awsconfig.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(stsTimeout).WithTransportOptions(
			func(t *http.Transport) { t.DisableKeepAlives = true })), // a call an hour
		awsconfig.WithLogger(logging.Nop{}),
	}
	if config.Keys != nil {
		static, err := config.Keys.provider()
		if err != nil || config.AssumeRole == nil {
			return static, err
		}
		options = append(options, awsconfig.WithCredentialsProvider(static))
	}
	loaded, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, errors.New(httpcall.Shorten("the operator's AWS configuration cannot be used: " + httpcall.Clean(err.Error())))
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
func (c *Keys) provider() (aws.CredentialsProvider, error) {
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

// unavailable says why there are no credentials, in words fit for a status. It
// wraps nothing: STS quotes ARNs, and files their paths.
type unavailable string

func (e unavailable) Error() string { return "no credentials: " + string(e) }

// Unavailable returns the seam's error if err is that of a Source which had no
// credentials to give, else nil.
func Unavailable(err error) *logout.Error {
	e, ok := errors.AsType[unavailable](err)
	if !ok {
		return nil
	}
	return &logout.Error{
		Reason:       logout.Unauthorized,
		Class:        logout.Unauthorized.Class(),
		ProviderWide: true,
		Message:      e.Error(),
	}
}

// Check retrieves the credentials, which may mean asking AWS STS or the
// instance's metadata. The error is fit for people and holds no credential.
func (s *Source) Check(ctx context.Context) error {
	_, err := s.Retrieve(ctx)
	return err
}

// Refused forgets credentials that a service has refused: it knows better than
// their expiry time. Those for the next call are retrieved anew.
func (s *Source) Refused() {
	if cache, ok := s.provider.(*aws.CredentialsCache); ok {
		cache.Invalidate()
	}
}

// Secrets are the parts of the credentials that were retrieved last, for the
// comparison with what a service says.
func (s *Source) Secrets() []string {
	if c := s.last.Load(); c != nil {
		return []string{c.AccessKeyID, c.SecretAccessKey, c.SessionToken}
	}
	return nil
}

// Retrieve returns the credentials to sign with. It is what the SDK calls.
func (s *Source) Retrieve(ctx context.Context) (aws.Credentials, error) {
	found, err := s.provider.Retrieve(ctx)
	if err == nil {
		s.last.Store(&found)
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
			return aws.Credentials{}, unavailable("none configured, and the operator has no AWS identity")
		}
		source, cause = op.ServiceID+" "+op.OperationName, op.Err // the innermost is what failed
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		why = "failed"
		if code := httpcall.Token(api.ErrorCode()); code != "" {
			why += " (" + code + ")"
		}
	} else if _, sent := errors.AsType[*smithyhttp.RequestSendError](err); sent || ctx.Err() != nil {
		why, _ = httpcall.Trouble(err)
	}
	return aws.Credentials{}, unavailable(source + ": " + why)
}
