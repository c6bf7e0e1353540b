// Package awscall is what the clients of AWS services share: it makes an SDK
// client send one request, to one place, take nothing but the documented
// success for success, and say what went wrong as the seam demands.
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

// Service is an operation that logs a user out, and what its answers mean.
type Service struct {
	// Operation is its name, for people.
	Operation string
	// Status is that of success.
	Status int
	// IsSuccess, where not nil, looks at an answer of that status more closely.
	IsSuccess func(*httpcall.Answer) bool
	// Codes are the service's own. They go before those common to all services.
	Codes []Codes
}

// Caller makes the calls of one client. It is safe for concurrent use.
type Caller struct {
	// Service that is called.
	Service Service
	// Credentials to sign with.
	Credentials *awsauth.Source
	// Wire to send by.
	Wire *httpcall.Wire
}

// Options are what every SDK client has to be made with, under the names of its
// own Options. It is to be made from these alone, not from an aws.Config, so
// that no AWS_ENDPOINT_URL, AWS_USE_FIPS_ENDPOINT, AWS_MAX_ATTEMPTS or shared
// file changes where a logout goes or how often.
type Options struct {
	APIOptions  []func(*middleware.Stack) error
	Credentials aws.CredentialsProvider
	HTTPClient  *httpcall.Wire
	Retryer     aws.Retryer
}

// Options returns those of the caller.
func (c *Caller) Options() Options {
	return Options{
		APIOptions:  []func(*middleware.Stack) error{c.onlySuccess},
		Credentials: aws.CredentialsProviderFunc(c.Credentials.Retrieve),
		HTTPClient:  c.Wire,
		Retryer:     aws.NopRetryer{},
	}
}

// Receipt of a call that ended without an error.
func (c *Caller) Receipt(metadata middleware.Metadata) logout.Receipt {
	receipt, _ := metadata.Get(receiptKey{}).(logout.Receipt) // onlySuccess lets no call pass without
	return receipt
}

// Failure turns what the SDK returned into the seam's error.
func (c *Caller) Failure(err error) *logout.Error {
	if a, ok := errors.AsType[*answer](err); ok {
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

// CheckCredentials retrieves the credentials, which may mean asking AWS STS or
// the instance's metadata but never the service. The error is fit for people
// and holds no credential.
func (c *Caller) CheckCredentials(ctx context.Context) error { return c.Credentials.Check(ctx) }

// Close closes idle connections. Calls under way go on, and so may later ones.
func (c *Caller) Close() { c.Wire.Close() }
