package logout

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxIDLength is the maximum length of an account or user ID, in characters.
const maxIDLength = 256

// exponential matches numbers as Go's templates, and with them Helm, write large ones, and spreadsheets.
var exponential = regexp.MustCompile(`^[0-9](\.[0-9]+)?[eE][+][0-9]{2,}$`)

// CheckID rejects an ID that could change more of a request than the place
// where the ID stands: an empty or over-long one, "." and "..", and any with
// white space, control, format or private-use characters or one of / \ ? # % {
// }. It also rejects a number in exponential form, which would be somebody
// else's: templates write 1234567890 so if nobody quotes it. The CRD's schema
// has the same rules. The operator checks again before a
// call, because the schema of a cluster can be older than the operator, or
// edited. The error says what the ID must be, and does not quote it.
func CheckID(id string) error {
	switch {
	case id == "":
		return errors.New("must not be empty")
	case !utf8.ValidString(id):
		return errors.New("must be valid UTF-8")
	case utf8.RuneCountInString(id) > maxIDLength:
		return fmt.Errorf("must be at most %d characters long", maxIDLength)
	case id == "." || id == "..":
		return errors.New(`must not be "." or ".."`)
	case strings.ContainsAny(id, `/\?#%{}`):
		return errors.New(`must not contain any of / \ ? # % { }`)
	case exponential.MatchString(id):
		return errors.New("must not be a number in exponential form")
	case strings.ContainsFunc(id, invisible):
		return errors.New("must not contain white space or invisible characters")
	}
	return nil
}

// CheckIDs rejects a call if [CheckID] rejects one of its IDs. The error, if
// any, is an *Error that ends the object for good. Every client calls CheckIDs
// first.
func CheckIDs(accountID, userID string) error {
	for _, id := range []struct{ field, value string }{{"accountID", accountID}, {"userID", userID}} {
		if err := CheckID(id.value); err != nil {
			return &Error{Reason: BadRequest, Message: id.field + " " + err.Error()}
		}
	}
	return nil
}

// invisible reports whether r is in one of Unicode's categories C (other) and Z
// (separator), which are \p{C} and \p{Z} in the CRD's rule.
func invisible(r rune) bool { return unicode.In(r, unicode.C, unicode.Z) }
