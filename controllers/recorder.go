package controllers

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
)

// maxNote is how long the note of an event may be, in bytes, by the validation of events.k8s.io/v1. An event with a
// longer one is refused, and client-go logs it as a whole.
const maxNote = 1024

// boundedRecorder shortens notes that are too long. Conditions have room for all of a message.
type boundedRecorder struct{ events.EventRecorder }

// Eventf implements events.EventRecorder.
func (r boundedRecorder) Eventf(regarding, related runtime.Object, kind, reason, action, note string, args ...any) {
	r.EventRecorder.Eventf(regarding, related, kind, reason, action, "%s", shortened(fmt.Sprintf(note, args...)))
}

// shortened cuts off what a note has too much, at a character.
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
