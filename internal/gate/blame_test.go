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
		{"it was wrong", served + "-x -y !z +a -x -u -v", "w", false},
		{"it was wrong, six in a row", served + "-x -y !z +a -x -1 -2 -3 -4 -6", "w", true},
		{"it was right", served + "-x -y !z +x -x -u", "v", true},
		{"that it was wrong is forgotten", served + "-x -y !z +a -x 5 5 5 5 5 5 5 5 5 5 5 5 +a -u -v", "w", true},
		{"those that it was about", served + "-x -y !z +a -x", "y", false},
		{"those that it was about, after long", served + "-x -y !z +a -x 5 5 5", "y", false},
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
				is.accuse(namespace, 1)
			}
		}
		if got, _ := is.failure(test.last, now); got != test.want {
			t.Errorf("%s: everybody's is %t, want %t", test.name, got, test.want)
		}
	}
}

// TestBlameIsBounded checks that little is remembered of thousands of namespaces that fail while another is served.
func TestBlameIsBounded(t *testing.T) {
	var is blame
	for i := range mostRemembered {
		is.success("served", begin)
		for j := range lastThreshold + 1 {
			namespace := fmt.Sprint(i, " ", j)
			if all, _ := is.failure(namespace, begin); all {
				is.accuse(namespace, 1)
			}
		}
		is.success("served", begin)
		is.failure(fmt.Sprint(i, " 0"), begin) // it was one of the accused
		if n := max(len(is.failed), len(is.accused), len(is.own)); n > mostRemembered+lastThreshold {
			t.Fatalf("%d namespaces are remembered", n)
		}
	}
}
