package operatortest_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// TestLog: a log that is longer than what is kept of it still knows its size, and finds lines in its end.
func TestLog(t *testing.T) {
	var log operatortest.Log
	write := func(format string, args ...any) {
		if _, err := fmt.Fprintf(&log, format, args...); err != nil {
			t.Fatal(err)
		}
	}
	write("early\n")
	log.AwaitLine(t, 0, "ear", "ly")
	filler := bytes.Repeat([]byte("x"), 1<<20)
	for range 64 {
		write("%s\n", filler)
	}
	before := log.Size()
	if want := len("early\n") + 64*(len(filler)+1); before != want {
		t.Errorf("size %d, want %d", before, want)
	}
	write("late one\nlate two\nWARNING: DATA RACE\n")
	log.AwaitLines(t, before, 2, "late")
	log.AwaitLines(t, 0, 2, "late")
	if got := log.Tail(5); got != "RACE\n" || log.Races() != 1 {
		t.Errorf("it ends with %q, %d races", got, log.Races())
	}
	if kept := len(log.Tail(before)); kept > 40<<20 {
		t.Errorf("%d bytes are kept", kept)
	}
}
