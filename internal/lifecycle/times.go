package lifecycle

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// passed reports whether the time t has come; false if t is zero.
func passed(t, now time.Time) bool { return !t.IsZero() && !now.Before(t) }

// earliest returns the earlier time, ignoring zero ones.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func timeOf(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

func seconds(n int32) time.Duration { return time.Duration(n) * time.Second }

// floorSecond rounds down to whole seconds, as the API stores times.
func floorSecond(t time.Time) metav1.Time { return metav1.Time{Time: t.Truncate(time.Second)} }

// ceilSecond rounds up to whole seconds, so that a wait never gets shorter.
func ceilSecond(t time.Time) *metav1.Time {
	return ptr.To(floorSecond(t.Add(time.Second - time.Nanosecond)))
}
