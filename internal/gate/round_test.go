package gate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/logout-operator/logout-operator/internal/gate"
)

// TestLooksAreSpread checks that objects to be told that they wait, and objects that expire at the same moment, are
// looked at evenly over the time until the next look, so that their writes do not delay objects that come in between.
func TestLooksAreSpread(t *testing.T) {
	const objects = 2000
	for name, test := range map[string]struct {
		giveUp     time.Duration
		most       int // within 20 ms
		from       time.Duration
		forHowLong time.Duration
	}{
		"told":  {0, 1, 10 * time.Second, objects / 50 * time.Second},
		"ended": {time.Hour, objects / 50, time.Hour, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := gather(t, 100)
				end(c.enter("p", slow, "trips"), throttled(2*time.Hour))
				for i := range objects {
					c.Enter(gate.Settings{Name: "p", Limit: slow, Client: c.with},
						gate.Applicant{Object: named(i), Created: time.Now(), GiveUp: test.giveUp})
				}
				after(test.from - time.Second)
				c.looks()
				looked := map[string]int{}
				for range (test.forHowLong + 3*time.Second) / (20 * time.Millisecond) {
					after(20 * time.Millisecond)
					looks := c.looks()
					if len(looks) > test.most {
						t.Fatalf("%d are looked at in 20 ms, want %d at most", len(looks), test.most)
					}
					for _, key := range looks {
						looked[key.Name]++
					}
				}
				if len(looked) != objects {
					t.Errorf("%d are looked at, want %d", len(looked), objects)
				}
				for name, looks := range looked {
					if looks != 1 {
						t.Errorf("%s is looked at %d times, want once", name, looks)
					}
				}
			})
		})
	}
}
