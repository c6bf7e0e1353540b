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

// CheckID rejects an ID that no service has: an empty or over-long one, one of
// dots only, and any with control, format or private-use characters, white
// space other than the space, a space at an end, or two in a row, which would
// look like columns. It also rejects a number in
// exponential form, which would be somebody else's: templates write 1234567890
// so if nobody quotes it. The CRD's schema has the same rules. The operator
// checks again before a call, because the schema of a cluster can be older than
// the operator, or edited. The error says what the ID must be, and does not
// quote it.
func CheckID(id string) error {
	switch {
	case id == "":
		return errors.New("must not be empty")
	case !utf8.ValidString(id):
		return errors.New("must be valid UTF-8")
	case utf8.RuneCountInString(id) > maxIDLength:
		return fmt.Errorf("must be at most %d characters long", maxIDLength)
	case strings.Trim(id, ".") == "":
		return errors.New("must not consist of dots only")
	case strings.HasPrefix(id, " ") || strings.HasSuffix(id, " ") || strings.Contains(id, "  "):
		return errors.New("must not begin or end with a space, or have two in a row")
	case exponential.MatchString(id):
		return errors.New("must not be a number in exponential form")
	case strings.ContainsFunc(id, invisible):
		return errors.New("must not contain invisible characters, or white space other than the space")
	}
	return nil
}

// invisible reports whether nobody can see r: it is in one of Unicode's categories C (other) and Z (separator), and is
// not the space, or it is a letter or sign that is drawn as nothing, or as a blank. The CRD's rule has \p{C}, \p{Z} and
// a list of the others.
func invisible(r rune) bool {
	const brailleBlank = '\u2800'
	return r == brailleBlank || r != ' ' && unicode.In(r, unicode.C, unicode.Z, unicode.Other_Default_Ignorable_Code_Point)
}

// CheckPathSegment rejects an ID that must not be a segment of a URL's path,
// even if it is escaped. Many proxies and servers decode the path before they
// split it, or decode it twice, or send it on decoded, so that ? and # end it
// (nginx, with a variable in proxy_pass), and some take a backslash for a slash,
// or drop what follows a semicolon: the ID could change the path.
func CheckPathSegment(id string) error {
	const inPath = ": the service has it in the path of a URL"
	switch {
	case strings.ContainsAny(id, `/\%?#;`):
		return errors.New(`must not contain any of / \ % ? # ;` + inPath)
	case strings.Trim(id, ".") == "":
		return errors.New("must not consist of dots only" + inPath)
	}
	return nil
}

// IDs is what a client requires of the IDs beyond [CheckID]: that they can be
// sent safely where its requests have them. The zero value requires nothing: it
// is for IDs in JSON, in a query or in a form, where everything can be escaped.
type IDs struct {
	// Account and User reject an ID, and say what it must be. They do not quote
	// it.
	Account, User func(id string) error
}

// CheckIDs implements [Client].
func (r IDs) CheckIDs(accountID, userID string) *Error {
	for _, id := range []struct {
		field, value string
		rule         func(string) error
	}{{"accountID", accountID, r.Account}, {"userID", userID, r.User}} {
		err := CheckID(id.value)
		if err == nil && id.rule != nil {
			err = id.rule(id.value)
		}
		if err != nil {
			return &Error{Reason: BadRequest, Message: id.field + " " + err.Error()}
		}
	}
	return nil
}
