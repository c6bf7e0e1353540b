package liblog

import (
	"bytes"
	"log"
	"log/slog"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestRedirect(t *testing.T) {
	before, flags := slog.Default(), log.Flags()
	defer func() {
		slog.SetDefault(before)
		log.SetOutput(os.Stderr)
		log.SetFlags(flags)
	}()
	var out bytes.Buffer
	Redirect(slog.New(slog.NewTextHandler(&out, nil)))
	log.Printf("Unsolicited response received on idle HTTP channel starting with %q; err=%v",
		"Authorization: Bearer abc", nil)
	log.Printf("http: TLS handshake error from 10.0.0.1:443: EOF")
	log.Printf("panic: a\nb")
	slog.Info("our own", "key", "value")
	for _, want := range []string{"Unsolicited response received on idle HTTP channel starting with …",
		"error from 10.0.0.1:443: EOF", "panic: a…", "our own"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %s", want, out.String())
		}
	}
	for _, not := range []string{"Bearer", "abc", `\nb`} {
		if strings.Contains(out.String(), not) {
			t.Errorf("%q is in %s", not, out.String())
		}
	}
}

// Nothing that a service sends gets through, if it is quoted as net/http quotes
// it.
func FuzzUnquoted(f *testing.F) {
	for _, s := range []string{"", "plain", `a "quoted" b`, "line\nline", strings.Repeat("é", 300), "a\xffb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := unquoted(s)
		if len(got) > 2*maxLength || !utf8.ValidString(got) ||
			strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q became %q", s, got)
		}
	})
}
