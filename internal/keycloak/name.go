package keycloak

import "unicode"

// sameName reports whether two names differ at most in upper and lower case, which
// Keycloak does not tell apart: it keeps names in lower case, but users that it
// takes from elsewhere can have others.
//
// Two letters are the same only if each is the other's one counterpart in the other
// case. That is narrower than Unicode's case folding and than lower case on both
// sides, by which the Kelvin sign is k, the long s is s, and the Ångström and Ohm
// signs are letters: nobody may log out kim by a name that only looks like it.
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

// counterparts reports whether two letters are one, in upper and in lower case.
func counterparts(upper, lower rune) bool {
	return unicode.ToLower(upper) == lower && unicode.ToUpper(lower) == upper
}
