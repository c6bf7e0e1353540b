package httpcall

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"regexp"
	"strings"
	"unicode"
)

// run is how many letters and digits of a secret in a row count as a
// repetition. Fewer are of no use to anybody, and more matches would be
// accidental.
const run = 8

// masked matches what is left of a credential after a service has masked it,
// such as hunter2****** or ghp_AbCd...wxyz.
var masked = regexp.MustCompile(`\*{2,}|•{2,}|[Xx]{4,}|[0-9A-Za-z](\.{2,}|…)[0-9A-Za-z]`)

// quotesCredentials reports whether a text may repeat parts of a request's
// credentials. Some services quote the Authorization header in their errors,
// and AWS also quotes the string to sign and the canonical request.
func quotesCredentials(text string, secrets []string) bool {
	if masked.MatchString(text) {
		return true
	}
	for _, reading := range readings(text) {
		for _, word := range []string{"authorization", "signature", "credential", "bearer", "aws4", "xamz"} {
			if strings.Contains(reading, word) {
				return true
			}
		}
	}
	return Repeats(text, secrets)
}

// Repeats reports whether a text may contain one of the secrets, or a run of
// it: in any case, folded, spaced out or with invisible characters in between;
// as it is or encoded for a URL, HTML or JSON, in base64 or hexadecimal. If in
// doubt, it reports true, so discard only texts that nobody needs.
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

// sharesRun reports whether a text contains a run of a secret, or all of a
// secret that is not longer than a run. Both must be plain.
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

// plain keeps letters and digits, in lower case.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
}

// readings returns a text as plain text: as it is, and decoded up to three
// times.
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

// escaped matches an encoded byte in a URL, in quoted-printable text, or in a
// string of JSON or C.
var escaped = regexp.MustCompile(`(?i)(?:%|=|\\x|[\\%]u00)[0-9a-f]{2}`)

func decode(text string) string {
	return html.UnescapeString(escaped.ReplaceAllStringFunc(text, func(s string) string {
		value, err := hex.DecodeString(s[len(s)-2:])
		if err != nil { // not two hexadecimal digits
			return s
		}
		return string(value)
	}))
}

// forms returns the ways to write a secret, each as plain text.
func forms(secret string) []string {
	all := []string{plain(secret)}
	if len(secret) < run {
		return all
	}
	all = append(all, hex.EncodeToString([]byte(secret)))
	// In base64, a text looks different depending on where in a group of three
	// bytes it begins, and its neighbours change the characters at both ends.
	for offset, changed := range []int{0, 2, 3} {
		encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", offset) + secret))
		all = append(all, plain(encoded[changed:len(encoded)-1]))
	}
	return all
}
