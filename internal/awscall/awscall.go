// Package awscall is the code that the clients of AWS services share. It makes
// an SDK client send one request to one place, accept only the documented
// success, and report errors as package logout requires.
package awscall

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"

	"github.com/logout-operator/logout-operator/internal/awsauth"
	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// Service is an operation that logs a user out, and how to read its answers.
type Service struct {
	// Operation is the name of the operation, for messages.
	Operation string
	// Status is the HTTP status of success.
	Status int
	// IsSuccess, if not nil, checks an answer with that status further.
	IsSuccess func(*httpcall.Response) bool
	// Codes are the service's own error codes. They take precedence over those
	// common to all services.
	Codes []Codes
}

// Caller makes the calls of one client. It is safe for concurrent use.
type Caller struct {
	// Service to call.
	Service Service
	// Credentials to sign with.
	Credentials *awsauth.Source
	// Wire to send through.
	Wire *httpcall.Wire
}

// Options are the options that every SDK client must be created with, under the
// names of its own Options. Create the client from these alone, not from an
// aws.Config, so that no AWS_ENDPOINT_URL, AWS_USE_FIPS_ENDPOINT,
// AWS_MAX_ATTEMPTS or shared file changes where or how often a logout is sent.
type Options struct {
	APIOptions  []func(*middleware.Stack) error
	Credentials aws.CredentialsProvider
	HTTPClient  *httpcall.Wire
	Retryer     aws.Retryer
}

// Options returns the options for the caller's SDK client.
func (c *Caller) Options() Options {
	return Options{
		APIOptions:  []func(*middleware.Stack) error{c.onlySuccess},
		Credentials: aws.CredentialsProviderFunc(c.Credentials.Retrieve),
		HTTPClient:  c.Wire,
		Retryer:     aws.NopRetryer{},
	}
}

// Receipt returns the receipt of a call that ended without an error.
func (c *Caller) Receipt(metadata middleware.Metadata) logout.Receipt {
	receipt, _ := metadata.Get(receiptKey{}).(logout.Receipt) // onlySuccess sets it for every success
	return receipt
}

// Failure converts an error of the SDK to a *logout.Error.
func (c *Caller) Failure(err error) *logout.Error {
	if a, ok := errors.AsType[*responseError](err); ok {
		e := c.Service.classify(a)
		if matchesAny(e.Code, rejected) {
			c.Credentials.Refused(a.keyID)
		}
		return e
	}
	if e := awsauth.Unavailable(err); e != nil {
		return e
	}
	return httpcall.Unreachable(err)
}

// CheckCredentials retrieves the credentials. It may call AWS STS or the
// instance's metadata service, but never the service. The error is fit for a
// status and contains no credential.
func (c *Caller) CheckCredentials(ctx context.Context) error { return c.Credentials.Check(ctx) }

// Close closes idle connections. Calls under way continue, and later ones are
// possible.
func (c *Caller) Close() { c.Wire.Close() }
