// Package awsauth gets the credentials that sign calls to AWS services: keys,
// the program's own AWS identity, or a role that it assumes with either.
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

// Keys of a Secret. They are the names of the environment variables of the AWS
// tools.
const (
	keyAccessKeyID     = "AWS_ACCESS_KEY_ID"
	keySecretAccessKey = "AWS_SECRET_ACCESS_KEY" //nolint:gosec // the name of a key, not a credential
	keySessionToken    = "AWS_SESSION_TOKEN"     //nolint:gosec // likewise
)

// Config says where credentials come from.
type Config struct {
	// Region is the region to sign for. It is also where the role is assumed,
	// unless the program's environment names a region.
	Region string
	// Keys to sign with. If nil, the program uses its own AWS identity, which
	// it finds like every AWS SDK (environment, web identity, pod identity,
	// shared files, instance metadata).
	Keys *Keys
	// AssumeRole, if not nil, is a role to assume through AWS STS with those
	// credentials. Calls are then signed with the role's credentials.
	AssumeRole *AssumeRole
	// TLS configures the connections to whoever issues credentials. Clients use
	// it for the service, too.
	TLS httpcall.TLS
}

// Keys are long-lived keys, or temporary ones with their session token. White
// space around each is ignored, because Secrets often end in a newline.
type Keys struct {
	AccessKeyID, SecretAccessKey, SessionToken string
}

// KeysFrom reads the keys from a Secret's data. The error names the key that is
// missing or in quotes.
func KeysFrom(data map[string][]byte) (*Keys, error) {
	for _, key := range []string{keyAccessKeyID, keySecretAccessKey} {
		if len(data[key]) == 0 {
			return nil, errors.New("key " + key + " is missing or empty")
		}
	}
	for _, key := range []string{keyAccessKeyID, keySecretAccessKey, keySessionToken} {
		if credential.InQuotes(string(data[key])) {
			return nil, errors.New(key + " is in quotes: remove them")
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
	// ExternalID is what the role's trust policy requires; empty if it requires
	// none.
	ExternalID string
}

const (
	// requestTimeout limits each request for credentials.
	requestTimeout = 10 * time.Second
	// maxHeader limits the headers of an answer, in bytes.
	maxHeader = 64 << 10
	// margin is how long before the end of a role's credentials they are no
	// longer used.
	margin = time.Minute
)

// Source provides credentials. It is safe for concurrent use.
type Source struct {
	provider aws.CredentialsProvider
	fetched  *credential.Source[aws.Credentials]
	keys     *Keys                           // from the configuration; nil if there are none
	last     atomic.Pointer[aws.Credentials] // the newest that Retrieve returned
}

// New returns a source. It sends nothing yet. The error says what is wrong with
// the configuration, and contains no credential.
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
		// Credentials may be issued in another region than that of the
		// endpoint.
		awsconfig.WithDefaultRegion(config.Region),
		awsconfig.WithAppID(httpcall.UserAgent),
		// This is the SDK's own client, because only that one reads the CA
		// bundle of AWS_CA_BUNDLE.
		awsconfig.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(requestTimeout).WithTransportOptions(
			func(t *http.Transport) {
				t.DisableKeepAlives = true // about one request an hour
				t.DisableCompression = true
				t.MaxResponseHeaderBytes = maxHeader
				t.TLSClientConfig = config.TLS.Config()
			})),
		awsconfig.WithAPIOptions([]func(*middleware.Stack) error{contained}),
		// One request for each fetch: package credential decides when to retry.
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
		return nil, errors.New(logout.Shorten("invalid AWS configuration of the operator: " +
			httpcall.Clean(err.Error())))
	}
	if config.AssumeRole == nil {
		return loaded.Credentials, nil
	}
	role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(loaded), config.AssumeRole.RoleARN,
		func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "logout-operator" // CloudTrail shows it, and a trust policy may require it
			if config.AssumeRole.ExternalID != "" {
				o.ExternalID = &config.AssumeRole.ExternalID
			}
		})
	return role, nil
}

// contained limits how the answers of the servers that issue credentials are
// read: see httpcall.Contain. It runs directly on the raw answer, before the
// SDK reads it.
func contained(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("Contained", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (out middleware.DeserializeOutput, metadata middleware.Metadata, err error) {
		issuer := &httpcall.Asking{} // there is one connection for each request
		out, metadata, err = next.HandleDeserialize(issuer.Note(ctx), in)
		err = issuer.Hint(err)
		if resp, ok := out.RawResponse.(*smithyhttp.Response); ok && err == nil {
			ctx, cancel := context.WithTimeout(ctx, requestTimeout)
			defer cancel()
			if cut := httpcall.Contain(ctx, resp.Response); cut != nil && resp.StatusCode < http.StatusMultipleChoices {
				err = &smithyhttp.RequestSendError{Err: cut} // a partial answer has no credentials
			}
		}
		return out, metadata, err
	}), middleware.After)
}

// provider checks the keys and returns them in the form that the SDK needs.
func (c *Keys) provider() (aws.CredentialsProvider, error) {
	key, secret, session := strings.TrimSpace(c.AccessKeyID), strings.TrimSpace(c.SecretAccessKey),
		strings.TrimSpace(c.SessionToken)
	for _, field := range []struct{ name, value string }{{"access key ID", key}, {"secret access key", secret},
		{"session token", session}} {
		if strings.ContainsFunc(field.value, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, errors.New("the " + field.name + " contains white space or non-ASCII characters")
		}
	}
	if key == "" || secret == "" {
		return nil, errors.New("the access key ID or the secret access key is empty")
	}
	return credentials.NewStaticCredentialsProvider(key, secret, session), nil
}

// unavailable says why there are no credentials, in words fit for a status. It
// wraps no error, because STS quotes ARNs, and file errors quote paths.
type unavailable struct {
	why        string
	retryAfter time.Duration
}

func (e *unavailable) Error() string { return "no credentials: " + e.why }

// retryAfter returns the pause that an error asks for.
func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*unavailable](err); ok {
		return e.retryAfter
	}
	return 0
}

// Unavailable returns a *logout.Error if err means that a Source had no
// credentials, otherwise nil.
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

// Check retrieves the credentials. It may call AWS STS or the instance's
// metadata service. The error is fit for a status and contains no credential.
func (s *Source) Check(ctx context.Context) error {
	_, err := s.Retrieve(ctx)
	if e, ok := errors.AsType[*unavailable](err); ok {
		return e
	}
	return err
}

// Refused drops the credentials with this access key ID, because a service has
// rejected them: that overrules their expiry time. The next call retrieves new
// ones, unless others have already replaced them.
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

// Secrets returns the parts of the last few credentials that were retrieved, and of the configured keys, to compare them
// with what a service answers.
func (s *Source) Secrets() []string {
	var all []string
	for _, c := range s.fetched.Recent() {
		all = append(all, c.AccessKeyID, c.SecretAccessKey, c.SessionToken)
	}
	if k := s.keys; k != nil {
		all = append(all, k.AccessKeyID, k.SecretAccessKey, k.SessionToken)
	}
	return all
}

// Retrieve returns the credentials to sign with. The SDK calls it.
func (s *Source) Retrieve(ctx context.Context) (aws.Credentials, error) {
	found, err := s.fetched.Get(ctx)
	if err == nil {
		s.last.Store(&found)
		return found, nil
	}
	if _, ok := errors.AsType[*unavailable](err); !ok { // no server has answered yet
		why, _ := httpcall.Explain(err)
		err = &unavailable{why: why}
	}
	return aws.Credentials{}, err
}

// fetch requests the credentials. The error is an *unavailable.
func (s *Source) fetch(ctx context.Context) (credential.Fetched[aws.Credentials], error) {
	found, err := s.provider.Retrieve(ctx)
	if err != nil {
		return credential.Fetched[aws.Credentials]{}, explain(ctx, err, s.Secrets())
	}
	if !found.HasKeys() { // the SDK accepts any 200 of STS as credentials
		return credential.Fetched[aws.Credentials]{}, &unavailable{why: s.asked() + ": the answer contains no keys"}
	}
	got := credential.Fetched[aws.Credentials]{Value: found}
	if found.CanExpire {
		got.UseUntil = found.Expires.Round(0)
		if _, ok := s.provider.(*aws.CredentialsCache); !ok { // which already subtracts a margin
			got.UseUntil = got.UseUntil.Add(-margin)
		}
	}
	return got, nil
}

// ownIdentity names, in messages, the source of credentials if there is no
// role.
const ownIdentity = "the operator's AWS identity"

// asked names, in messages, who issues the credentials.
func (s *Source) asked() string {
	if _, ok := s.provider.(*stscreds.AssumeRoleProvider); ok {
		return "STS AssumeRole"
	}
	return ownIdentity
}

// errorCode matches all error codes of AWS, and no token or key.
var errorCode = regexp.MustCompile(`^[A-Za-z.]{1,64}$`)

// explain returns why a provider of the SDK has no credentials.
func explain(ctx context.Context, err error, secrets []string) *unavailable {
	source, why := ownIdentity, "could not be loaded" // for example, a token file is missing
	for cause := err; ; {
		op, ok := errors.AsType[*smithy.OperationError](cause)
		if !ok {
			break
		}
		if op.ServiceID == imds.ServiceID {
			// The SDK looks here last, so it found nothing elsewhere.
			return &unavailable{why: "the provider names no Secret, and the operator has no AWS identity"}
		}
		source, cause = op.ServiceID+" "+op.OperationName, op.Err // the innermost operation failed
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
		why, _ = httpcall.Explain(err)
	}
	return &unavailable{source + ": " + why, wait}
}
