// Package liblog receives the messages that libraries log through package log.
// They quote data from the network: net/http logs the beginning of whatever a
// service sends after its answer, which can be a token or personal data.
package liblog

import (
	"log"
	"log/slog"
	"strings"
	"unicode"
)

// maxLength is the maximum length of a message, in bytes.
const maxLength = 200

// Redirect makes package log write to logger, and makes logger the default of
// slog. Of each message of package log, it logs only the first line, up to the
// first quotation mark.
func Redirect(logger *slog.Logger) {
	slog.SetDefault(logger)
	log.SetFlags(0)
	log.SetOutput(writer{logger})
}

type writer struct{ *slog.Logger }

// Write logs one message of package log.
func (w writer) Write(message []byte) (int, error) {
	w.Info("library log: " + unquoted(string(message)))
	return len(message), nil
}

// unquoted returns the part of a message that may be logged.
func unquoted(message string) string {
	message = strings.TrimSpace(message)
	end := strings.IndexFunc(message, func(r rune) bool {
		return strings.ContainsRune("\"'`“‘«", r) || r == unicode.ReplacementChar || !unicode.IsPrint(r)
	})
	if end < 0 {
		end = len(message)
	}
	if end = min(end, maxLength); end == len(message) {
		return message
	}
	return strings.ToValidUTF8(message[:end], "") + "… (rest omitted: it may quote a service)"
}
