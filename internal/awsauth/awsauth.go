// Package awsauth gets the credentials that calls of AWS services are signed
// with: keys, the program's own AWS identity, or a role to assume with either.
package awsauth

import (
	"context"
	"errors"
	"net/http"
	"regexp"
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
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/logout-operator/logout-operator/internal/credential"
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

const (
	// requestTimeout bounds each request for credentials.
	requestTimeout = 10 * time.Second
	// maxHeader bounds the headers of an answer, in bytes.
	maxHeader = 64 << 10
	// margin before the end of a role's credentials in which no call begins.
	margin = time.Minute
)

// Source gives credentials. It is safe for concurrent use.
type Source struct {
	provider aws.CredentialsProvider
	fetched  *credential.Source[aws.Credentials]
	keys     *Keys                           // that a role is assumed with; nil for others
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
	s := &Source{provider: provider, keys: config.Keys}
	s.fetched = credential.New(s.fetch, retryAfter)
	return s, nil
}

func newProvider(ctx context.Context, config Config) (aws.CredentialsProvider, error) {
	options := []func(*awsconfig.LoadOptions) error{
		// Credentials may be issued in another region than the endpoint's.
		awsconfig.WithDefaultRegion(config.Region),
		awsconfig.WithAppID(httpcall.UserAgent),
		// The SDK's own client, as nothing else can be given the CA bundle of
		// AWS_CA_BUNDLE.
		awsconfig.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(requestTimeout).WithTransportOptions(
			func(t *http.Transport) {
				t.DisableKeepAlives = true // a call an hour
				t.DisableCompression = true
				t.MaxResponseHeaderBytes = maxHeader
			})),
		awsconfig.WithAPIOptions([]func(*middleware.Stack) error{contained}),
		// One request for each fetch: the pauses between them are package credential's.
		awsconfig.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
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
		o.RoleSessionName = "logout-operator" // what CloudTrail shows, and a trust policy may demand
		if config.AssumeRole.ExternalID != "" {
			o.ExternalID = &config.AssumeRole.ExternalID
		}
	})
	return role, nil
}

// contained has the answers of whoever gives credentials read within bounds: see
// httpcall.Contain. It sits next to the wire, before the SDK reads them.
func contained(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("Contained", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (out middleware.DeserializeOutput, metadata middleware.Metadata, err error) {
		out, metadata, err = next.HandleDeserialize(ctx, in)
		if resp, ok := out.RawResponse.(*smithyhttp.Response); ok && err == nil {
			ctx, cancel := context.WithTimeout(ctx, requestTimeout)
			defer cancel()
			if cut := httpcall.Contain(ctx, resp.Response); cut != nil && resp.StatusCode < http.StatusMultipleChoices {
				err = &smithyhttp.RequestSendError{Err: cut} // half an answer gives no credentials
			}
		}
		return out, metadata, err
	}), middleware.After)
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
type unavailable struct {
	why        string
	retryAfter time.Duration
}

func (e *unavailable) Error() string { return "no credentials: " + e.why }

// retryAfter is what was asked for with an error.
func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*unavailable](err); ok {
		return e.retryAfter
	}
	return 0
}

// Unavailable returns the seam's error if err is that of a Source which had no
// credentials to give, else nil.
func Unavailable(err error) *logout.Error {
	e, ok := errors.AsType[*unavailable](err)
	if !ok {
		return nil
	}
	wait := e.retryAfter
	if paused, ok := errors.AsType[*credential.Paused](err); ok {
		wait = paused.For
	}
	return &logout.Error{
		Reason:       logout.Unauthorized,
		ProviderWide: true,
		Message:      e.Error(),
		RetryAfter:   min(wait, logout.MaxRetryAfter),
	}
}

// Check retrieves the credentials, which may mean asking AWS STS or the
// instance's metadata. The error is fit for people and holds no credential.
func (s *Source) Check(ctx context.Context) error {
	_, err := s.Retrieve(ctx)
	if e, ok := errors.AsType[*unavailable](err); ok {
		return e
	}
	return err
}

// Refused forgets the credentials with an access key ID, which a service has
// refused: it knows better than their expiry time. Those for the next call are
// retrieved anew, unless others have taken their place already.
func (s *Source) Refused(keyID string) {
	last := s.last.Load()
	if last == nil || last.AccessKeyID != keyID {
		return
	}
	s.fetched.Forget(*last)
	if cache, ok := s.provider.(*aws.CredentialsCache); ok {
		cache.Invalidate()
	}
}

// Secrets are the parts of the credentials that were retrieved last, and of those
// that they were retrieved with, for the comparison with what a service says.
func (s *Source) Secrets() []string {
	var all []string
	if c := s.last.Load(); c != nil {
		all = append(all, c.AccessKeyID, c.SecretAccessKey, c.SessionToken)
	}
	if k := s.keys; k != nil {
		all = append(all, k.AccessKeyID, k.SecretAccessKey, k.SessionToken)
	}
	return all
}

// Retrieve returns the credentials to sign with. It is what the SDK calls.
func (s *Source) Retrieve(ctx context.Context) (aws.Credentials, error) {
	found, err := s.fetched.Get(ctx)
	if err == nil {
		s.last.Store(&found)
		return found, nil
	}
	if _, ok := errors.AsType[*unavailable](err); !ok { // nobody has answered yet
		why, _ := httpcall.Trouble(err)
		err = &unavailable{why: why}
	}
	return aws.Credentials{}, err
}

// fetch asks whoever gives the credentials. The error is an *unavailable.
func (s *Source) fetch(ctx context.Context) (credential.Fetched[aws.Credentials], error) {
	found, err := s.provider.Retrieve(ctx)
	if err != nil {
		return credential.Fetched[aws.Credentials]{}, explain(ctx, err, s.Secrets())
	}
	if !found.HasKeys() { // the SDK takes any 200 of STS for credentials
		return credential.Fetched[aws.Credentials]{}, &unavailable{why: s.asked() + ": the answer contains no keys"}
	}
	got := credential.Fetched[aws.Credentials]{Value: found}
	if found.CanExpire {
		got.UseUntil = found.Expires.Round(0)
		if _, ok := s.provider.(*aws.CredentialsCache); !ok { // whose times have a margin already
			got.UseUntil = got.UseUntil.Add(-margin)
		}
	}
	return got, nil
}

// ownIdentity names, for people, where credentials come from without a role.
const ownIdentity = "the operator's AWS identity"

// asked names who gives the credentials.
func (s *Source) asked() string {
	if _, ok := s.provider.(*stscreds.AssumeRoleProvider); ok {
		return "STS AssumeRole"
	}
	return ownIdentity
}

// errorCode is what all codes of AWS look like, and no token or key does.
var errorCode = regexp.MustCompile(`^[A-Za-z.]{1,64}$`)

// explain says why a provider of the SDK has no credentials.
func explain(ctx context.Context, err error, secrets []string) *unavailable {
	source, why := ownIdentity, "not usable" // say, a token file that is not there
	for cause := err; ; {
		op, ok := errors.AsType[*smithy.OperationError](cause)
		if !ok {
			break
		}
		if op.ServiceID == imds.ServiceID {
			// The last place the SDK searches, so there was nothing in the others.
			return &unavailable{why: "none configured, and the operator has no AWS identity"}
		}
		source, cause = op.ServiceID+" "+op.OperationName, op.Err // the innermost is what failed
	}
	var wait time.Duration
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && answer.Response != nil {
		wait = logout.ParseRetryAfter(answer.Response.Header, time.Now())
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		why = "failed"
		if code := api.ErrorCode(); errorCode.MatchString(code) && !httpcall.Repeats(code, secrets) {
			why += " (" + code + ")"
		}
	} else if _, sent := errors.AsType[*smithyhttp.RequestSendError](err); sent || ctx.Err() != nil {
		why, _ = httpcall.Trouble(err)
	}
	return &unavailable{source + ": " + why, wait}
}
