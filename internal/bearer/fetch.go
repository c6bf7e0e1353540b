package bearer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/logout-operator/logout-operator/internal/credential"
	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
)

const (
	// margin before a token's end in which it is not used any more: it has to be
	// good when the request arrives, by a clock that may go before this one.
	margin = 30 * time.Second
	// unstated is how long a token is used whose end the server did not tell.
	unstated = 5 * time.Minute
	// maxToken is how long a token may be, in bytes: few servers take a request's
	// header of more, and each answer is searched for all of it.
	maxToken = 16 << 10
)

// fetch asks the token endpoint, with one request. The error is a *logout.Error.
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
	case err != nil || call.answer.Partial || call.answer.Status != http.StatusOK ||
		!strings.EqualFold(got.TokenType, "Bearer") || !sendable(got.AccessToken) || len(got.AccessToken) > maxToken:
		return none, c.refusal(call.answer)
	}
	lifetime := unstated
	if !got.Expiry.IsZero() {
		lifetime = got.Expiry.Round(0).Sub(now)
	}
	return credential.Fetched[string]{Value: got.AccessToken, UseUntil: now.Add(lifetime - min(margin, lifetime/2))}, nil
}

// retryAfter is what the token endpoint asked for with an error.
func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*logout.Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// tokenCall is the transport of one request for a token. It keeps what
// x/oauth2 makes errors of that quote the whole answer.
type tokenCall struct {
	wire   *httpcall.Wire
	answer *httpcall.Answer
}

// RoundTrip sends the request by the wire.
func (t *tokenCall) RoundTrip(req *http.Request) (*http.Response, error) {
	answer, err := t.wire.Call(req)
	if err != nil {
		return nil, err
	}
	t.answer = answer
	return &http.Response{
		StatusCode: answer.Status,
		Header:     answer.Header,
		Body:       io.NopCloser(bytes.NewReader(answer.Body)),
		Request:    req,
	}, nil
}

// refusal says what an answer without a token means. It is never final: what is
// wrong is the provider's, not the object's.
func (c *Caller) refusal(a *httpcall.Answer) *logout.Error {
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if a.Status >= http.StatusBadRequest { // else it is no error of the server, whatever it carries
		_ = a.JSON(&body)
	}
	return ofTokenEndpoint(a.Failure(httpcall.Finding{
		Reason:       reasonOf(a.Status, body.Error),
		ProviderWide: true,
		Code:         body.Error,
		Message:      body.Description,
		Operation:    "a token endpoint",
		Secrets:      c.secrets,
	}))
}

// reasonOf goes by the codes of RFC 6749, section 5.2, and access_denied, by
// which some servers say that the client may not have such a token.
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

// ofTokenEndpoint has an error's message say who answered, as it is not whom the
// logout goes to.
func ofTokenEndpoint(e *logout.Error) *logout.Error {
	e.Message = httpcall.Shorten("token endpoint: " + e.Message)
	return e
}

// sendable reports whether a token can stand in a header.
func sendable(token string) bool {
	return !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
}
