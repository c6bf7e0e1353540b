package operatortest

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/logout-operator/logout-operator/test/harness/await"
)

// logKept is how much of a log is kept, in bytes: in the longest tests an operator's output does not fit into memory.
const logKept = 16 << 20

// Log keeps the end of the operators' output.
type Log struct {
	await.State
	text    []byte
	dropped int // bytes before text
	races   int
}

// Write appends to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.Change(func() {
		l.races += bytes.Count(p, []byte("DATA RACE"))
		l.text = append(l.text, p...)
		if drop := len(l.text) - logKept; drop > logKept {
			l.text, l.dropped = slices.Clone(l.text[drop:]), l.dropped+drop
		}
	})
	return len(p), nil
}

// Races is how many data races the operators have reported.
func (l *Log) Races() (n int) {
	l.Look(func() { n = l.races })
	return n
}

// Judge fails the test if an operator has reported a data race. If the test has failed, it shows the end of the log.
func (l *Log) Judge(t testing.TB) {
	t.Helper()
	if l.Races() > 0 {
		t.Error("the operator has a data race")
	}
	if t.Failed() {
		t.Logf("the operator printed at last:\n%s", l.Tail(60_000))
	}
}

// Size is how many bytes have been written so far.
func (l *Log) Size() (n int) {
	l.Look(func() { n = l.dropped + len(l.text) })
	return n
}

// Tail returns the last n bytes.
func (l *Log) Tail(n int) (tail string) {
	l.Look(func() { tail = string(l.text[max(0, len(l.text)-n):]) })
	return tail
}

// AwaitLine returns when a line that contains all of the texts has been written, after the first so many bytes.
func (l *Log) AwaitLine(t testing.TB, after int, texts ...string) {
	t.Helper()
	l.AwaitLines(t, after, 1, texts...)
}

// AwaitLines is AwaitLine for several such lines.
func (l *Log) AwaitLines(t testing.TB, after, times int, texts ...string) {
	t.Helper()
	l.Await(t, strings.Join(texts, " and ")+" in the log", func() bool {
		found := 0
		for line := range bytes.Lines(l.text[max(0, min(after-l.dropped, len(l.text))):]) {
			if !slices.ContainsFunc(texts, func(text string) bool { return !bytes.Contains(line, []byte(text)) }) {
				found++
			}
		}
		return found >= times
	})
}
