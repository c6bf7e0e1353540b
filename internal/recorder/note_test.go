package recorder

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNotesAreShortened(t *testing.T) {
	for _, note := range []string{"", "short", strings.Repeat("a", maxNote), strings.Repeat("a", maxNote+1),
		strings.Repeat("😀", 253) + "%s", "a" + strings.Repeat("é", maxNote),
		"\xff" + strings.Repeat("\xfe", maxNote)} {
		got := shortened(note)
		if len(got) > maxNote || !utf8.ValidString(got) {
			t.Errorf("%d bytes became %d: %.20q", len(note), len(got), got)
		}
		if len(note) <= maxNote && utf8.ValidString(note) && got != note {
			t.Errorf("%q became %q", note, got)
		}
		if valid := strings.ToValidUTF8(note, "\ufffd"); len(valid) > maxNote && len(got) < maxNote-utf8.UTFMax {
			t.Errorf("%d bytes became but %d", len(note), len(got))
		}
	}
}
