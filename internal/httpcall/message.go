package httpcall

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// Clean leaves printable characters, with single spaces in place of all others.
func Clean(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return r == ' ' || !unicode.IsPrint(r)
	}), " ")
}

// Shorten cuts a text to logout.MaxMessageLength characters.
func Shorten(text string) string {
	if utf8.RuneCountInString(text) <= logout.MaxMessageLength {
		return text
	}
	return string([]rune(text)[:logout.MaxMessageLength-1]) + "…"
}

// Token returns s if it could be an error code or a request ID, and nothing
// otherwise: both go into a status, and neither is worth it when malformed.
func Token(s string) string {
	const maxLength = 128
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
	if len(s) > maxLength || strings.Trim(s, allowed) != "" {
		return ""
	}
	return s
}
