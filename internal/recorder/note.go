package recorder

import (
	"strings"
	"unicode/utf8"
)

// maxNote is the longest note of an event, in bytes, that the validation of events.k8s.io/v1 allows. Conditions have
// room for the whole message.
const maxNote = 1024

// shortened cuts a note to the longest length, at the boundary of a character.
func shortened(note string) string {
	const more = " …"
	note = strings.ToValidUTF8(note, "\ufffd")
	if len(note) <= maxNote {
		return note
	}
	end := maxNote - len(more)
	for !utf8.RuneStart(note[end]) {
		end--
	}
	return note[:end] + more
}
