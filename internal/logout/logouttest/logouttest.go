// Package logouttest checks the properties that every failed attempt must have,
// whatever the service.
package logouttest

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// maxToken bounds an error code and a request ID, in bytes.
const maxToken = 128

// Failure returns the *logout.Error of an attempt, or nil if it succeeded. It
// fails the test unless the error is fit for a status and free of the secrets.
func Failure(t testing.TB, err error, secrets ...string) *logout.Error {
	t.Helper()
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*logout.Error](err)
	if !ok {
		t.Fatalf("%T is no *logout.Error: %v", err, err)
	}
	CheckFit(t, e)
	CheckSecrets(t, e, secrets...)
	return e
}

// reasons are all the reasons that a client may report.
var reasons = []logout.Reason{
	logout.BadRequest, logout.NotFound, logout.Forbidden, logout.Unauthorized, logout.UnexpectedResponse,
	logout.Throttled, logout.ServiceUnavailable, logout.ServiceFailure, logout.EndpointUnreachable,
}

// CheckFit fails the test unless e is fit for a status: its reason is known,
// and its texts are bounded and printable.
func CheckFit(t testing.TB, e *logout.Error) {
	t.Helper()
	if !slices.Contains(reasons, e.Reason) {
		t.Errorf("reason %q is none that a client reports", e.Reason)
	}
	if wide := e.Reason == logout.Throttled || e.Reason == logout.ServiceUnavailable; wide && !e.ProviderWide {
		t.Errorf("%s, and the provider's other calls are not held", e.Reason)
	}
	if e.RetryAfter < 0 || e.RetryAfter > logout.MaxRetryAfter ||
		e.RetryAfter > 0 && e.Reason.Class() == logout.Permanent {
		t.Errorf("%s with Retry-After %v", e.Reason, e.RetryAfter)
	}
	if e.Message == "" || utf8.RuneCountInString(e.Message) > logout.MaxMessageLength {
		t.Errorf("message of %d characters", utf8.RuneCountInString(e.Message))
	}
	if e.Text() == "" || utf8.RuneCountInString(e.Text()) > logout.MaxMessageLength {
		t.Errorf("text of %d characters", utf8.RuneCountInString(e.Text()))
	}
	for _, text := range []string{e.Message, e.Words, e.Code, e.RequestID} {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q is not printable", text)
		}
	}
	if len(e.Code) > maxToken || len(e.RequestID) > maxToken {
		t.Errorf("code of %d bytes, request ID of %d", len(e.Code), len(e.RequestID))
	}
}

// header matches what usually stands around a credential, if something follows
// it: a service may use "AWS4-HMAC" as an error code.
var header = regexp.MustCompile(`(?i)(authorization|bearer|aws4-hmac)[-a-z0-9]*[\s:=]+\S`)

// CheckSecrets fails the test if an error contains any of the secrets, or the
// text that usually stands around one.
func CheckSecrets(t testing.TB, e *logout.Error, secrets ...string) {
	t.Helper()
	for _, text := range []string{string(e.Reason), e.Code, e.Message, e.Words, e.RequestID, e.Error(), e.Text()} {
		for _, secret := range secrets {
			if secret == "" || strings.Contains(text, secret) {
				t.Errorf("%q is in %q", secret, text)
			}
		}
		if found := header.FindString(text); found != "" {
			t.Errorf("%q is in %q", found, text)
		}
	}
}
