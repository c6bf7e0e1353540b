package overload

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

const throttledCode = "ThrottledClientException"

// throttledFor is the answer to a call that came too early by this much, in seconds.
func throttledFor(d time.Duration) chimetest.Answer {
	return chimetest.Answer{Code: throttledCode, Header: map[string]string{"Retry-After": fmt.Sprint(int(d.Seconds()))}}
}

// throttledUntil is the same as a date, from a service whose clock is behind.
func throttledUntil(d time.Duration) chimetest.Answer {
	now := time.Now().Add(-2 * time.Minute).UTC()
	return chimetest.Answer{Code: throttledCode, Header: map[string]string{
		"Date":        now.Format(http.TimeFormat),
		"Retry-After": now.Add(d).Format(http.TimeFormat),
	}}
}

// TestRetryAfter: when one call has been answered with a Retry-After, the operator makes no call until it has passed,
// then one probe, and when that succeeds all other calls follow.
func TestRetryAfter(t *testing.T) {
	for _, tc := range []struct {
		name string
		form func(time.Duration) chimetest.Answer
		end  ending // of the operator, a third into the pause
	}{
		{"seconds", throttledFor, none},
		{"date", throttledUntil, none},
		{"seconds, SIGKILL", throttledFor, sigkill},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pause := suite.Either(3*time.Second, 30*time.Second)
			x := newTarget(t, "pause", normal, chimetest.Options{})
			o := startOperator(t, tc.end, x)
			// Hold the calls from the start, so that no probe is missed.
			first, probe, second := x.Hold("", ""), x.Hold("", ""), x.Hold("", "")
			first.Release()
			answeredAt := x.throttle(t, tc.form(pause))
			x.create(t, suite.Either(50, 500))
			if tc.end != none {
				await.Receive(t, time.After(time.Until(answeredAt.Add(pause/3))), "a third of the pause")
				o.restart(t, tc.end)
			}

			after := await.Receive(t, probe.Arrived(), "the probe").Time.Sub(answeredAt)
			figures.Note(t, "time from the answer to the probe", after)
			if after < pause {
				t.Errorf("the first call came %s after the answer, which asked for %s", after, pause)
			}
			select {
			case <-second.Arrived():
				t.Error("a second call came beside the probe")
			case <-time.After(suite.Either(time.Second, 2*time.Second)):
			}
			probe.Release()
			second.Release()
			x.verify(t, tc.end.repeats(workers))
		})
	}
}

// throttle creates one object, and makes the service give these answers to the call for it and to later calls. It
// returns the time of the first answer, once the operator knows it.
func (x *target) throttle(t *testing.T, answers ...chimetest.Answer) time.Time {
	t.Helper()
	x.Script("", "", answers...)
	x.create(t, 1)
	x.objects.awaitAnswer(t, http.StatusTooManyRequests)
	return answeredAt(x.Journal()[0])
}
