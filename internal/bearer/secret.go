package bearer

import (
	"errors"
	"strings"
	"unicode"

	"github.com/logout-operator/logout-operator/internal/credential"
)

// The keys of a Secret's data.
const (
	keyToken        = "token"
	keyClientID     = "clientID"
	keyClientSecret = "clientSecret"
)

// TokenFrom reads a token from a Secret's data, and trims white space around
// it. The error names the key.
func TokenFrom(data map[string][]byte) (string, error) {
	token, err := valueFrom(data, keyToken)
	if err == nil && !sendable(token) {
		err = errors.New(keyToken + " contains characters other than visible ASCII")
	}
	return token, err
}

// ClientFrom reads a client's ID and secret from a Secret's data, in the same
// way.
func ClientFrom(data map[string][]byte) (id, secret string, err error) {
	if id, err = valueFrom(data, keyClientID); err == nil {
		secret, err = valueFrom(data, keyClientSecret)
	}
	return id, secret, err
}

func valueFrom(data map[string][]byte, key string) (string, error) {
	value := strings.TrimSpace(string(data[key]))
	switch {
	case value == "":
		return "", errors.New("key " + key + " is missing or empty")
	case strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", errors.New(key + " contains line breaks or non-printable characters")
	case key != keyClientSecret && credential.InQuotes(value): // a secret may consist of any characters
		return "", errors.New(key + " is in quotes: remove them")
	}
	return value, nil
}
