package credential

import "strings"

// InQuotes reports whether a value from a Secret is in quotes, as it is in a
// shell's or an .env file: it was copied with them, and no service accepts it.
// White space around them does not count.
func InQuotes(value string) bool {
	value = strings.TrimSpace(value)
	return len(value) > 1 && value[0] == value[len(value)-1] && (value[0] == '"' || value[0] == '\'')
}
