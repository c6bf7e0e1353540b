package controllers

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
)

// maxNote is the longest note of an event, in bytes, that the validation of events.k8s.io/v1 allows. The API server
// refuses an event with a longer note, and client-go then logs the whole event.
const maxNote = 1024

// boundedRecorder shortens notes that are too long. Conditions have room for the whole message.
type boundedRecorder struct{ events.EventRecorder }

// Eventf implements events.EventRecorder.
func (r boundedRecorder) Eventf(regarding, related runtime.Object, kind, reason, action, note string, args ...any) {
	r.EventRecorder.Eventf(regarding, related, kind, reason, action, "%s", shortened(fmt.Sprintf(note, args...)))
}

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
