package keycloak

import "unicode"

// sameName reports whether two names differ at most in upper and lower case,
// which Keycloak ignores: it stores names in lower case, but users from other
// sources can have names in any case.
//
// Two letters are equal only if each is the only counterpart of the other in
// the other case. That is stricter than Unicode's case folding, and stricter
// than comparing in lower case: by those, the Kelvin sign equals k, the long s
// equals s, and the Ångström and Ohm signs equal letters. Nobody may log out
// kim by a name that only looks like it.
func sameName(a, b string) bool {
	x, y := []rune(a), []rune(b)
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if x[i] != y[i] && !counterparts(x[i], y[i]) && !counterparts(y[i], x[i]) {
			return false
		}
	}
	return true
}

// counterparts reports whether two letters are the upper and the lower case of
// one letter.
func counterparts(upper, lower rune) bool {
	return unicode.ToLower(upper) == lower && unicode.ToUpper(lower) == upper
}
