package lifecycle

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// TestRandomHistories drives Decide with edits, answers, crashes and passing time in any order, and with a clock that
// is set forward and back. It checks what must hold at every step.
func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obj := object()
		if rapid.Bool().Draw(t, "notAfter") {
			obj.Spec.NotAfter = metaAt(rapid.IntRange(-10, 4000).Draw(t, "notAfterAt"))
		}
		now, claimed, ends := 0, false, 0 // ends is when the current claim runs out
		const longest = MaxBackoff + time.Second
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += rapid.SampledFrom([]int{0, 1, 5, 29, 30, 31, 300, 4000, 3600, -3600}).Draw(t, "pass")
			if rapid.Bool().Draw(t, "edit") {
				obj.Spec.Suspend = ptr.To(rapid.Bool().Draw(t, "suspend"))
				obj.Generation++
			}
			before := obj.DeepCopy()
			d := Decide(obj, time.Time{}, at(now))
			if Finished(before) && d.Do == Write && Ready(d.Status).Reason != Ready(before.Status).Reason {
				t.Fatalf("a finished object changed: %+v", d)
			}
			if claimed && now < ends && at(ends).Sub(at(now)) <= longest && d.Do != Wait {
				t.Fatalf("%d although a claim stands", d.Do)
			}
			switch d.Do {
			case Write:
				obj.Status, claimed = d.Status, false
			case Attempt:
				if Suspended(obj) || Finished(obj) || passed(Deadline(obj), at(now)) ||
					at(now).Before(nextAttempt(obj, time.Time{}, at(now))) {
					t.Fatalf("a call that must not be made: %+v", obj)
				}
				if n := obj.Spec.NotAfter; n != nil && !at(now).Before(n.Time) {
					t.Fatal("a call past notAfter")
				}
				attempts := obj.Status.Attempts
				claimedAt(now)(obj)
				if obj.Status.Attempts != attempts+1 {
					t.Fatal("a claim that does not count")
				}
				claimed, ends = true, now+30
				answered := now + rapid.SampledFrom([]int{0, 9, 3600, -3600}).Draw(t, "in the call")
				switch rapid.SampledFrom([]string{"done", "refused", "throttled", "not called", "crash"}).Draw(t,
					"answer") {
				case "done":
					loggedOutAt(answered)(obj)
					claimed = false
				case "refused":
					refusedAt(answered)(obj)
					claimed = false
				case "throttled":
					throttledAt(answered, rapid.IntRange(0, int(MaxBackoff/time.Second)).Draw(t, "backoff"))(obj)
					claimed = false
				case "not called":
					obj.Status = Uncalled(obj, &Refusal{Reason: v1alpha1.ReasonQueued,
						Message: "calls have been paused"}, at(answered))
					claimed = false
				}
			case Wait:
				if !Finished(obj) && !Suspended(obj) && d.At.IsZero() {
					t.Fatalf("an unfinished object that nothing wakes: %+v", obj)
				}
				if !Finished(obj) && !Suspended(obj) && d.At.After(at(now).Add(longest)) {
					t.Fatalf("waits until %s", d.At)
				}
			}
			if c := obj.Status.Conditions; meta.IsStatusConditionTrue(c, v1alpha1.ConditionReconciling) &&
				meta.IsStatusConditionTrue(c, v1alpha1.ConditionStalled) {
				t.Fatal("Reconciling and Stalled together")
			}
			if Finished(obj) != (obj.Status.CompletionTime != nil) {
				t.Fatal("completionTime does not say what Finished says")
			}
		}
		// If nobody interferes and there is time enough, every object that is not suspended finishes, whatever the
		// clocks showed.
		obj.Spec.Suspend, obj.Generation = nil, obj.Generation+1
		for range 5 {
			now = max(now, int(Deadline(obj).Sub(created).Seconds())) + 4000
			if d := Decide(obj, time.Time{}, at(now)); d.Do == Write {
				obj.Status = d.Status
			} else if d.Do == Attempt {
				claimedAt(now)(obj)
			}
		}
		if !Finished(obj) {
			t.Fatalf("never finishes: %+v", obj)
		}
	})
}
