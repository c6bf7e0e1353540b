package httpcall

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"regexp"
	"strings"
	"unicode"
)

// run is how many letters and digits of a secret, one after the other, a text may
// not have in it: fewer are of no use to anybody, and more occur by chance.
const run = 8

// quotesCredentials reports whether a text may repeat parts of what signs a
// request in: some services quote the Authorization header in their errors, and
// AWS also the string to sign and the canonical request.
func quotesCredentials(text string, secrets []string) bool {
	for _, reading := range readings(text) {
		for _, word := range []string{"authorization", "signature", "credential", "bearer", "aws4", "xamz"} {
			if strings.Contains(reading, word) {
				return true
			}
		}
	}
	return Repeats(text, secrets)
}

// Repeats reports whether a text may have one of the secrets in it, or a run of it:
// in whatever case, folded, spaced out or with invisible characters in between, as
// it stands or encoded for a URL, HTML or JSON, in base64 or hexadecimal. Where in
// doubt it does, so what it finds must not be needed.
func Repeats(text string, secrets []string) bool {
	all := readings(text)
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			return true
		}
		for _, form := range forms(secret) {
			for _, reading := range all {
				if sharesRun(reading, form) {
					return true
				}
			}
		}
	}
	return false
}

// sharesRun reports whether a text has a run of a secret in it, or all of a secret
// that is shorter. Both are plain.
func sharesRun(text, secret string) bool {
	if len(secret) <= run {
		return secret != "" && strings.Contains(text, secret)
	}
	for i := 0; i+run <= len(text); i++ {
		if strings.Contains(secret, text[i:i+run]) {
			return true
		}
	}
	return false
}

// plain leaves letters and digits, in lower case.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
}

// readings are what a text says: as it stands, and decoded, as often as it was
// encoded.
func readings(text string) []string {
	const times = 3
	all := []string{plain(text)}
	for range times {
		decoded := decode(text)
		if decoded == text {
			break
		}
		all = append(all, plain(decoded))
		text = decoded
	}
	return all
}

// escaped is a byte in a URL, a quoted-printable text, a string of JSON or of C.
var escaped = regexp.MustCompile(`(?i)(?:%|=|\\x|[\\%]u00)[0-9a-f]{2}`)

func decode(text string) string {
	return html.UnescapeString(escaped.ReplaceAllStringFunc(text, func(s string) string {
		value, err := hex.DecodeString(s[len(s)-2:])
		if err != nil { // not of two hexadecimal digits
			return s
		}
		return string(value)
	}))
}

// forms are how a secret may be written, plain each.
func forms(secret string) []string {
	all := []string{plain(secret)}
	if len(secret) < run {
		return all
	}
	all = append(all, hex.EncodeToString([]byte(secret)))
	// In base64 a text looks different by where in a group of three it begins; what
	// stands next to it changes the characters at both ends.
	for offset, changed := range []int{0, 2, 3} {
		encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", offset) + secret))
		all = append(all, plain(encoded[changed:len(encoded)-1]))
	}
	return all
}
