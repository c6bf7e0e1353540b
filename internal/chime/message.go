package chime

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// messageFor returns what people read about an answer: the service's own words
// where they are of use and quote no part of a signed request.
func messageFor(reason logout.Reason, a *answer, code, message string) string {
	what := fmt.Sprintf("HTTP %d", a.status)
	if code != "" {
		what += ", " + code
	}
	message = clean(message)
	switch {
	case reason == logout.Unauthorized:
		return "the service does not accept the credentials (" + what + ")"
	case reason == logout.UnexpectedResponse:
		return "the endpoint does not answer as LogoutUser does (" + what + ")"
	case message == "" || quotesCredentials(message, a.token):
		return "the service answered " + what
	}
	return shorten(message)
}

// quotesCredentials reports whether a text may repeat parts of a signed
// request: AWS services quote the Authorization header, the string to sign and
// the canonical request in some of their errors. The secret key is never sent.
func quotesCredentials(text, token string) bool {
	if token != "" && strings.Contains(text, token) {
		return true
	}
	text = strings.ToLower(text)
	for _, word := range []string{"authorization", "signature", "credential", "aws4", "x-amz-"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// clean leaves printable characters, with single spaces in place of all others.
func clean(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return r == ' ' || !unicode.IsPrint(r)
	}), " ")
}

// shorten cuts a text to logout.MaxMessageLength characters.
func shorten(text string) string {
	if utf8.RuneCountInString(text) <= logout.MaxMessageLength {
		return text
	}
	return string([]rune(text)[:logout.MaxMessageLength-1]) + "…"
}

// token returns s if it could be an error code or a request ID, and nothing
// otherwise: both go into a status, and neither is worth it when malformed.
func token(s string) string {
	const maxLength = 128
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
	if len(s) > maxLength || strings.Trim(s, allowed) != "" {
		return ""
	}
	return s
}
