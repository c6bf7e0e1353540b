package httpcall

import (
	"strings"
	"unicode"
)

// Clean keeps printable characters, and replaces each run of others by one
// space.
func Clean(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return r == ' ' || !unicode.IsPrint(r)
	}), " ")
}

// Identifier returns s if it could be an error code or a request ID, and otherwise
// the empty string: both are written to a status, and are useless there if
// malformed.
func Identifier(s string) string {
	const maxLength = 128
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
	if len(s) > maxLength || strings.Trim(s, allowed) != "" {
		return ""
	}
	return s
}
