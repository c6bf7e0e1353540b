package logout

import (
	"net/url"
	"path"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCheckID(t *testing.T) {
	for _, id := range []string{
		"12a3456b-7c89-012d-3456-78901e23fg45",
		"a", "..a", ".a", "~", "a b", "Company GmbH", `corp\jane`, "a/b?c#d", "o%hare@corp.example", "{UserId}",
		"Okta_yzD0/3n+2Qk=", "AzureAD_x#EXT#@t.onmicrosoft.com", "f:1b2c:first12#second34", "spiffe://corp/ns/jane",
		"samlp|corp|jane", "%2e%2e", "a:b@c+d&e=f;g,h$i!j*k'l(m)", "1234567890", "1e9", "12e+10",
		"jané", "用户", "e\u0301", "\ufffd", "👩",
		strings.Repeat("é", maxIDLength),
	} {
		if err := CheckID(id); err != nil {
			t.Errorf("CheckID(%q) = %v, want it accepted", id, err)
		}
	}
	for id, want := range map[string]string{
		"":                                     "empty",
		strings.Repeat("a", maxIDLength+1):     "256 characters",
		strings.Repeat("é", maxIDLength) + "a": "256 characters",
		".":                                    "dots",
		"..":                                   "dots",
		"...":                                  "dots",
		"a\xff":                                "UTF-8",
		"1.23456789e+09":                       "exponential",
		"1e+10":                                "exponential",
		"1.23457E+09":                          "exponential",
		" a":                                   "space",
		"a ":                                   "space",
		"a  b":                                 "two in a row",
		"a\u3000b":                             "white space", // ideographic space
		"a\tb":                                 "white space",
		"a\n":                                  "white space",
		"\x00":                                 "invisible",
		"a\u00a0":                              "white space", // no-break space
		"a\u200b":                              "invisible",   // zero-width space
		"a\u202eb":                             "invisible",   // right-to-left override
		"a\ue000":                              "invisible",   // private use
		"a\u2028":                              "white space", // line separator
		"\ufeffa":                              "invisible",   // byte order mark
		"a\u2800":                              "invisible",   // braille pattern blank
		"a\u3164b":                             "invisible",   // Hangul filler
		"a\u034fb":                             "invisible",   // combining grapheme joiner
	} {
		if err := CheckID(id); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckID(%q) = %v, want an error with %q", id, err, want)
		}
	}
}

func TestCheckPathSegment(t *testing.T) {
	for _, id := range []string{"a", "a b", "..a", "a..", "{UserId}", "f:1b2c:first12",
		"x@corp.example"} {
		if err := CheckPathSegment(id); err != nil {
			t.Errorf("CheckPathSegment(%q) = %v, want it accepted", id, err)
		}
	}
	for id, want := range map[string]string{
		"a/b": `/ \ %`, `a\b`: `/ \ %`, "a%2Fb": `/ \ %`, "..": "dots", "a?b": "?", "a#b": "#", "..;": ";", "a;b": ";",
	} {
		if err := CheckPathSegment(id); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckPathSegment(%q) = %v, want an error with %q", id, err, want)
		}
	}
}

// A zero rule requires only what every ID has to be, and the error names the
// field.
func TestCheckIDs(t *testing.T) {
	inPath := IDs{Account: CheckPathSegment}
	for _, tc := range []struct {
		rule          IDs
		account, user string
		want          string
	}{
		{IDs{}, "a/b", "c/d", ""},
		{IDs{}, "", "c", "accountID must not be empty"},
		{IDs{}, "a", "c\n", "userID must not contain invisible characters, or white space other than the space"},
		{inPath, "a", "c/d", ""},
		{inPath, "a/b", "c", `accountID must not contain any of / \ % ? # ;: the service has it in the path of a URL`},
	} {
		got := tc.rule.CheckIDs(tc.account, tc.user)
		if tc.want == "" && got != nil || tc.want != "" && (got == nil || *got != Error{Reason: BadRequest, Message: tc.want}) {
			t.Errorf("%q, %q: %+v, want %q", tc.account, tc.user, got, tc.want)
		}
	}
}

// An accepted ID is one segment of a path, however often a server decodes the
// path and however it normalises it.
func FuzzPathSegment(f *testing.F) {
	for _, id := range []string{"12a3456b-7c89", "..", "a/b", "%2e%2e", "{UserId}", "é\u202e", "a\xffb", "用户", "a?b", "a#b", "a;b"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if CheckID(id) != nil || CheckPathSegment(id) != nil {
			return
		}
		if n := utf8.RuneCountInString(id); n < 1 || n > maxIDLength {
			t.Fatalf("%q of %d characters accepted", id, n)
		}
		const before = "/accounts/"
		u, err := url.Parse("https://host" + before + url.PathEscape(id))
		if err != nil {
			t.Fatal(err)
		}
		if u.Path != before+id || u.RawQuery != "" || u.Fragment != "" || u.Host != "host" {
			t.Errorf("%q is read as %#v", id, u)
		}
		for _, p := range []string{u.Path, u.EscapedPath(), strings.ReplaceAll(u.Path, `\`, "/")} {
			if path.Clean(p) != p {
				t.Errorf("%q becomes %q", p, path.Clean(p))
			}
		}
		if decoded, err := url.Parse("https://host" + u.Path); err != nil || decoded.Path != u.Path ||
			decoded.RawQuery != "" || decoded.Fragment != "" || strings.Contains(u.Path, ";") {
			t.Errorf("%q is read as %#v, %v if a proxy sends it on decoded", id, decoded, err)
		}
		if twice, err := url.PathUnescape(u.Path); err != nil || twice != u.Path {
			t.Errorf("%q becomes %q if it is decoded twice: %v", id, twice, err)
		}
	})
}
