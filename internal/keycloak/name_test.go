package keycloak

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// lookalikes are names with letters that some rule of Unicode takes for other
// letters.
var lookalikes = map[string]string{
	"kim":   "\u212aim",   // Kelvin sign
	"smith": "\u017fmith", // long s
	"åse":   "\u212bse",   // Ångström sign
	"ω":     "\u2126",     // Ohm sign
	"ira":   "\u0130ra",   // I with a dot
	"ίρις":  "ίρισ",       // final sigma
	"μ":     "µ",          // micro sign
	"ß":     "ẞ",
	"ǆ":     "ǅ", // title case
	"a":     "а", // Cyrillic
	"zoë":   "zoe\u0308",
}

func TestSameName(t *testing.T) {
	for a, b := range map[string]string{"jane@example.com": "Jane@Example.COM", "zoë": "ZOË", "用户": "用户",
		"łukasz": "ŁUKASZ", "ирина": "Ирина", "": ""} {
		if !sameName(a, b) || !sameName(b, a) {
			t.Errorf("%q is not %q", a, b)
		}
	}
	for a, b := range lookalikes {
		if sameName(a, b) || sameName(b, a) {
			t.Errorf("%q is %q", a, b)
		}
	}
	if sameName("jane", "jan") || sameName("jan", "jane") || sameName("jane", "jame") {
		t.Error("other names are the same")
	}
}

// No letter is the same as two others, and no ASCII letter is the same as one
// that is not ASCII.
func TestNoLetterIsTwoOthers(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		same := 0
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			if sameName(string(r), string(other)) {
				same++
				if (r < utf8.RuneSelf) != (other < utf8.RuneSelf) {
					t.Errorf("%q is %q", r, other)
				}
			}
		}
		if same > 1 {
			t.Errorf("%q is %d others", r, same)
		}
	}
}

// Two names that are the same are so in either order, by every other rule of
// comparison, and letter by letter.
func FuzzSameName(f *testing.F) {
	f.Add("jane@example.com", "Jane@Example.com")
	for a, b := range lookalikes {
		f.Add(a, b)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) {
			return // CheckID rejects it, and JSON cannot contain it
		}
		same := sameName(a, b)
		if same != sameName(b, a) || !sameName(a, a) {
			t.Errorf("%q, %q", a, b)
		}
		lowA, lowB := strings.ToLower(a), strings.ToLower(b)
		if same && (lowA != lowB || !strings.EqualFold(a, b) || isASCII(a) != isASCII(b)) {
			t.Errorf("%q is %q", a, b)
		}
		if isASCII(a) && !sameName(strings.ToUpper(a), strings.ToLower(a)) {
			t.Errorf("%q is not itself in the other case", a)
		}
	})
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
