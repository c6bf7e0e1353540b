package credential

import "testing"

func TestInQuotes(t *testing.T) {
	for _, value := range []string{`"a"`, `'a'`, " \"a\"\n", `""`} {
		if !InQuotes(value) {
			t.Errorf("%q is not", value)
		}
	}
	for _, value := range []string{"", "a", `"`, `"a`, `a"`, `"a'`, `a"b"c`, "`a`"} {
		if InQuotes(value) {
			t.Errorf("%q is", value)
		}
	}
}
