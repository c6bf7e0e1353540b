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
		"a", "...", "..a", ".a", "~", "a:b@c+d&e=f;g,h$i!j*k'l(m)", "1234567890", "1e9", "12e+10",
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
		".":                                    `"."`,
		"..":                                   `".."`,
		"a\xff":                                "UTF-8",
		"a/b":                                  "/",
		`a\b`:                                  `\`,
		"a?b":                                  "?",
		"a#b":                                  "#",
		"%2e":                                  "%",
		"1.23456789e+09":                       "exponential",
		"1e+10":                                "exponential",
		"1.23457E+09":                          "exponential",
		"{UserId}":                             "{ }",
		"a b":                                  "white space",
		"a\tb":                                 "white space",
		"a\n":                                  "white space",
		"\x00":                                 "invisible",
		"a\u00a0":                              "white space", // no-break space
		"a\u200b":                              "invisible",   // zero-width space
		"a\u202eb":                             "invisible",   // right-to-left override
		"a\ue000":                              "invisible",   // private use
		"a\u2028":                              "white space", // line separator
		"\ufeffa":                              "invisible",   // byte order mark
	} {
		if err := CheckID(id); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckID(%q) = %v, want an error with %q", id, err, want)
		}
	}
}

// An accepted ID is one segment of a path, however a server normalises the
// path.
func FuzzCheckID(f *testing.F) {
	for _, id := range []string{"12a3456b-7c89", "..", "a/b", "%2e%2e", "{UserId}", "é\u202e", "a\xffb", "用户"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if CheckID(id) != nil {
			return
		}
		if n := utf8.RuneCountInString(id); n < 1 || n > maxIDLength {
			t.Fatalf("%q of %d characters accepted", id, n)
		}
		for _, p := range []string{"/accounts/" + id, "/accounts/" + url.PathEscape(id)} {
			if path.Clean(p) != p {
				t.Errorf("%q becomes %q", p, path.Clean(p))
			}
			u, err := url.Parse("https://host" + p)
			if err != nil {
				t.Fatal(err)
			}
			if u.Path != "/accounts/"+id || u.RawQuery != "" || u.Fragment != "" || u.Host != "host" {
				t.Errorf("%q is read as %#v", p, u)
			}
		}
	})
}
