package bearer

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/logout-operator/logout-operator/internal/credential"
	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
)

const (
	// margin is how long before its end a token is no longer used: it must
	// still be valid when the request arrives, even if the server's clock is
	// ahead.
	margin = 30 * time.Second
	// unstated is how long a token is used if the server does not state when it
	// ends.
	unstated = 5 * time.Minute
	// maxToken is the maximum length of a token, in bytes: few servers accept a
	// longer header, and the operator searches each answer for all parts of the
	// token.
	maxToken = 16 << 10
)

// fraction finds an expires_in such as 3599.0, which some servers send, and x/oauth2 refuses. Less than one second would
// become 0, which means that the server does not say.
var fraction = regexp.MustCompile(`("expires_in"\s*:\s*"?[1-9][0-9]*)\.[0-9]+`)

// fetch sends one request to the token endpoint. The error is a *logout.Error.
func (c *Caller) fetch(ctx context.Context) (credential.Fetched[string], error) {
	var none credential.Fetched[string]
	call := &tokenCall{wire: c.wire}
	now := time.Now().Round(0)
	got, err := c.grant.Token(context.WithValue(ctx, oauth2.HTTPClient, &http.Client{
		Transport:     call,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}))
	switch {
	case call.answer == nil:
		if e, ok := errors.AsType[*logout.Error](err); ok {
			return none, ofTokenEndpoint(e)
		}
		return none, ofTokenEndpoint(httpcall.Unreachable(err))
	case err != nil || call.answer.Partial ||
		call.answer.Status != http.StatusOK && call.answer.Status != http.StatusCreated || // some servers create a token
		got.Type() != "Bearer" || // also if the answer has no type
		!sendable(got.AccessToken) || len(got.AccessToken) > maxToken:
		return none, c.refusal(call.answer)
	}
	lifetime := unstated
	if !got.Expiry.IsZero() {
		lifetime = got.Expiry.Round(0).Sub(now)
	}
	return credential.Fetched[string]{
		Value: got.AccessToken, UseUntil: now.Add(lifetime - min(margin, lifetime/2)),
	}, nil
}

// retryAfter returns the pause that the token endpoint asked for with an error.
func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*logout.Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// tokenCall is the transport for one token request. It keeps the answer,
// because the errors of x/oauth2 quote all of it.
type tokenCall struct {
	wire   *httpcall.Wire
	answer *httpcall.Response
}

// RoundTrip sends the request through the wire.
func (t *tokenCall) RoundTrip(req *http.Request) (*http.Response, error) {
	answer, err := t.wire.Call(req)
	if err != nil {
		return nil, err
	}
	t.answer = answer
	return &http.Response{
		StatusCode: answer.Status,
		Header:     answer.Header,
		Body:       io.NopCloser(bytes.NewReader(fraction.ReplaceAll(answer.Body, []byte("$1")))),
		Request:    req,
	}, nil
}

// refusal returns the error for an answer without a token. It is never final:
// the error is in the provider's configuration, not in the object.
func (c *Caller) refusal(a *httpcall.Response) *logout.Error {
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if a.Status >= http.StatusBadRequest { // otherwise it is not an error of the server, whatever it contains
		_ = a.JSON(&body)
	}
	return ofTokenEndpoint(a.Failure(httpcall.Finding{
		Reason:       reasonOf(a.Status, body.Error),
		ProviderWide: true,
		Code:         body.Error,
		Message:      cmp.Or(body.Description, sentence(a.Status, body.Error)),
		Operation:    "the token request",
		Secrets:      c.known(),
	}))
}

// sentence returns what some servers say in the place of a code, unless it is
// only the text of the status.
func sentence(status int, code string) string {
	if strings.Contains(code, " ") && code != http.StatusText(status) {
		return code
	}
	return ""
}

// reasonOf uses the codes of RFC 6749, section 5.2, and access_denied, by which
// some servers say that the client may not have such a token.
func reasonOf(status int, code string) logout.Reason {
	switch {
	case status == http.StatusTooManyRequests:
		return logout.Throttled
	case status >= 500 && status <= 599 || status == http.StatusRequestTimeout:
		return logout.ServiceUnavailable
	case status == http.StatusUnauthorized,
		code == "invalid_client", code == "unauthorized_client", code == "invalid_scope", code == "access_denied":
		return logout.Unauthorized
	}
	return logout.UnexpectedResponse
}

// ofTokenEndpoint says in the error that the token endpoint answered, because it is not the service that the logout
// goes to.
func ofTokenEndpoint(e *logout.Error) *logout.Error {
	e.NoCredentials = true
	e.Message = logout.Shorten("token endpoint: " + e.Message)
	return e
}

// sendable reports whether a token can be sent in a header.
func sendable(token string) bool {
	return !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
}
