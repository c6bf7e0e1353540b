package httpcall

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
)

// echoes are the ways in which a service may repeat a text that it received.
var echoes = map[string]func(secret string) string{
	"as it stands": func(s string) string { return s },
	"upper case":   strings.ToUpper,
	"lower case":   strings.ToLower,
	"spaced out":   func(s string) string { return each(s, "%c ") },
	"zero width":   func(s string) string { return each(s, "%c\u200b") },
	"one a line":   func(s string) string { return each(s, "%c\r\n") },
	"folded":       func(s string) string { return s[:len(s)/2] + "\r\n\t" + s[len(s)/2:] },
	"cut short":    func(s string) string { return s[:len(s)*3/4] },
	"its end":      func(s string) string { return "…" + s[len(s)/4:] },
	"URL":          url.QueryEscape,
	"URL, all":     func(s string) string { return each(s, "%%%02x") },
	"URL, twice":   func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
	"JSON":         func(s string) string { return each(s, "\\u%04X") },
	"HTML":         func(s string) string { return html.EscapeString(each(s, "&#%d;")) },
	"base64":       func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64, part": func(s string) string { return base64.URLEncoding.EncodeToString([]byte("id:" + s + ":x")) },
	"base64, last": func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte("12:" + s)) },
	"hexadecimal":  func(s string) string { return hex.EncodeToString([]byte(s)) },
}

func each(s, format string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, format, s[i])
	}
	return b.String()
}

func TestRepeats(t *testing.T) {
	for _, secret := range []string{token, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "client+secret/EXAMPLE%"} {
		for name, echo := range echoes {
			if text := "your " + echo(secret) + " is wrong"; !Repeats(text, []string{"", secret}) {
				t.Errorf("%s is not found in %q", name, text)
			}
			if e := (&Response{Status: 400}).Failure(Finding{Message: "your " + echo(secret),
				Secrets: []string{secret}}); e.Message != "the service answered HTTP 400" {
				t.Errorf("%s: %q", name, e.Message)
			}
		}
		for _, text := range []string{"", "no such user", "User pool eu-central-1_EXAMPLE does not exist.",
			"Rate exceeded", "uuid: incorrect UUID length 4"} {
			if Repeats(text, []string{secret, ""}) {
				t.Errorf("%q is found in %q", secret, text)
			}
		}
	}
	for secret, text := range map[string]string{"ab1": "an A-B-1!", "!!!": "so!!!", "a-b-c-d": "abcd"} {
		if !Repeats(text, []string{secret}) {
			t.Errorf("%q is not found in %q", secret, text)
		}
	}
	if got := (&Response{Status: 204}).Receipt("r-"+strings.ToUpper(token[:12]), []string{token}); got.RequestID != "" ||
		got.HTTPStatusCode != 204 {
		t.Errorf("%+v", got)
	}
	if got := (&Response{Status: 204}).Receipt("3f1c-77", []string{token}); got.RequestID != "3f1c-77" {
		t.Errorf("%+v", got)
	}
}

// TestMasked: a text with a credential that is masked in part is not passed on: the rest may be most of it.
func TestMasked(t *testing.T) {
	for text, want := range map[string]bool{
		"client secret hunter2****** is wrong": true, "key ghp_AbCd...wxyz": true, "key AKIAxxxxMPLE": true,
		"key AKIA…MPLE": true, "key ••••abcd": true, "please wait...": false, "… and more": false,
		"scope * is not allowed": false, "see example.com": false,
	} {
		if quotesCredentials(text, nil) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
}

// Repeats finds an echo whatever the secret is and whatever stands around it.
func FuzzRepeats(f *testing.F) {
	f.Add("0123456789abcdef", "your ", " is wrong")
	f.Add("a+b/c=d&e f%g!h(i)j", "%2", "=3D")
	f.Add("\x00\xff secret secret", "&#x", "\\u00")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		Repeats(before, []string{secret, after}) // must not panic
		letters := strings.Map(func(r rune) rune {
			if '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
				return r
			}
			return -1
		}, secret)
		if len(letters) < 2*run {
			return
		}
		for name, echo := range echoes {
			// The text around it is not part of the encoding.
			if text := before + "\n\n" + echo(letters) + "\n\n" + after; !Repeats(text, []string{letters}) {
				t.Errorf("%s of %q is not found in %q", name, letters, text)
			}
		}
	})
}
