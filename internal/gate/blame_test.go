package gate

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestBlame checks whom a failure is taken to concern after a history of calls.
func TestBlame(t *testing.T) {
	const served = "+a +b " // these were served
	for _, test := range []struct {
		name   string
		before string // +a is a success of a, -a a failure, !a one that blames the service, 5 passes five minutes
		last   string
		want   bool
	}{
		{"nothing is known", "", "x", true},
		{"only itself was served", "+x", "x", true},
		{"another was served", served, "x", false},
		{"another was served long ago", served + "5 5 5", "x", true},
		{"two in a row", served + "-x", "y", false},
		{"three in a row", served + "-x -y", "z", true},
		{"not in a row", served + "-x -y +a", "z", false},
		{"the same three times", served + "-x -x", "x", false},
		{"those that were served have failed", "+a +b -a", "b", true},
		{"only those that have failed", "+a -a", "b", true},
		{"one success after a failure", "+a -a +a", "b", true},
		{"four successes after a failure", "+a -a +a +a +a +a", "b", false},
		{"the second guess, three in a row", served + "-x -y !z +a -u -v", "w", false},
		{"the second guess, twelve in a row", served + "-x -y !z +a -1 -2 -3 -4 -u -v -w -f -g -h -i", "j", true},
		{"the second guess, eleven in a row", served + "-x -y !z +a -1 -2 -3 -4 -u -v -w -f -g -h", "j", false},
		{"the first was right", served + "-x -y !z +x -x -u", "v", false},
		{"the first is forgotten", served + "-x -y !z" + strings.Repeat(" 5", 12) + " +a -u -v", "w", true},
		{"nobody is served after the first", served + "-x -y !z -a -b", "w", true},
	} {
		var is blame
		now := begin
		for _, step := range strings.Fields(test.before) {
			switch namespace := step[1:]; step[0] {
			case '5':
				now = now.Add(5 * time.Minute)
			case '+':
				is.success(namespace, now)
			case '-':
				is.failure(namespace, now)
			case '!':
				is.failure(namespace, now)
				is.guess(now)
			}
		}
		if got := is.failure(test.last, now); got != test.want {
			t.Errorf("%s: everybody's is %t, want %t", test.name, got, test.want)
		}
	}
}

// TestPushedOut checks that somebody is known to be served although more namespaces were served since, and then failed,
// than are remembered.
func TestPushedOut(t *testing.T) {
	var is blame
	is.success("good", begin)
	for i := range 2 * len(is.recent) {
		is.success(fmt.Sprint(i), begin)
	}
	for i := range 2 * len(is.recent) {
		clear(is.failed) // so that there is no guess
		for range 2 * cleanAfter {
			is.failure(fmt.Sprint(i), begin)
		}
	}
	if is.failure("other", begin) {
		t.Error("nobody is known to be served")
	}
	if !is.failure("other", begin.Add(cleanFor+1)) {
		t.Error("somebody is known to be served for too long")
	}
}

// TestBlameIsBounded checks that the service is blamed three times in an hour at most although it serves others, and
// that little is remembered of thousands of namespaces that fail.
func TestBlameIsBounded(t *testing.T) {
	var is blame
	guesses := 0
	for i := range mostRemembered {
		is.success("served", begin)
		for j := range 2 * lastThreshold {
			if is.failure(fmt.Sprint(i, " ", j), begin) {
				guesses++
				is.guess(begin)
			}
		}
		if len(is.failed) > lastThreshold {
			t.Fatalf("%d namespaces are remembered", len(is.failed))
		}
	}
	if guesses != 3 {
		t.Errorf("the service was blamed %d times in an hour", guesses)
	}
}
