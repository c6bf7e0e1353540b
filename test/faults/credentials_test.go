package faults

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// brokenCredentials is one way in which an operator has no credentials that the service accepts, and the fix.
type brokenCredentials struct {
	name   string
	begin  func(*testing.T, *endpoint)
	fix    func(*testing.T, *endpoint)
	reason string // of the provider's Ready condition
	// calls is how many calls the service may see while the credentials are broken, not counting probes; recover is the
	// longest time from the fix until a call succeeds.
	calls   int
	recover time.Duration
}

// probesBetween is how many probes an operator makes at most between two moments. The first moment is that of a
// rejected call. Each probe comes after at least half of probeAfter, and without credentials there is none.
func (b brokenCredentials) probesBetween(from, to time.Time) int {
	if b.calls == 0 {
		return 0
	}
	return int(to.Sub(from) / (probeAfter / 2))
}

// probeAfter is the longest pause between probes of a service that rejected the credentials a few seconds ago, if no
// event suggests that they may have been fixed.
const probeAfter = 10 * time.Second

var (
	strangerKeys = aws.Credentials{AccessKeyID: "AKIDSTRANGER", SecretAccessKey: "first"}
	wrongSecret  = aws.Credentials{AccessKeyID: validKeys[0].AccessKeyID, SecretAccessKey: "wrong"}

	signFirst  = func(t *testing.T, e *endpoint) { e.sign(t, validKeys[0]) }
	signSecond = func(t *testing.T, e *endpoint) { e.sign(t, validKeys[1]) }
)

// expire makes the service reject the first keys as expired.
func expire(_ *testing.T, e *endpoint) {
	e.Intercept(func(c chimetest.Call) *chimetest.Answer {
		if c.AccessKeyID != validKeys[0].AccessKeyID {
			return nil
		}
		return &chimetest.Answer{Status: 403, Code: "ExpiredTokenException"}
	})
}

// inOrder does one step after the other.
func inOrder(steps ...func(*testing.T, *endpoint)) func(*testing.T, *endpoint) {
	return func(t *testing.T, e *endpoint) {
		for _, step := range steps {
			step(t, e)
		}
	}
}

var credentialFaults = []brokenCredentials{
	{"no Secret", func(*testing.T, *endpoint) {}, signFirst, v1alpha1.ReasonSecretNotFound, 0, time.Second},
	{"empty key in the Secret", func(t *testing.T, e *endpoint) {
		e.sign(t, aws.Credentials{AccessKeyID: "AKIDFIRST"})
	}, signFirst,
		v1alpha1.ReasonInvalidSecret, 0, time.Second},
	{"key that nobody knows", func(t *testing.T, e *endpoint) { e.sign(t, strangerKeys) }, signFirst,
		v1alpha1.ReasonUnauthorized, 1, time.Second},
	{"wrong secret", func(t *testing.T, e *endpoint) { e.sign(t, wrongSecret) }, signFirst, v1alpha1.ReasonUnauthorized,
		1, time.Second},
	{"expired", inOrder(signFirst, expire), signSecond, v1alpha1.ReasonUnauthorized, 1, time.Second},
	{"Secret deleted", inOrder(signFirst, atWork, deleteSecret), signFirst, v1alpha1.ReasonSecretNotFound, 0,
		time.Second},
	// Calls that are in flight when the first of them is rejected are rejected as well.
	{"rotated at the service, later in the Secret",
		inOrder(signFirst, atWork, func(_ *testing.T, e *endpoint) {
			e.SetCredentials(validKeys[1])
		}), signSecond, v1alpha1.ReasonUnauthorized, 10, time.Second},
	{"expired under load, renewed at the service", inOrder(signFirst, atWork, expire), func(_ *testing.T, e *endpoint) {
		e.Intercept(nil)
	},
		v1alpha1.ReasonUnauthorized, 10, probeAfter},
	{"permission withdrawn for a while", inOrder(signFirst, atWork, func(_ *testing.T, e *endpoint) {
		e.Script("", "", chimetest.Answer{Code: "AccessDeniedException", Times: chimetest.Forever})
	}), func(_ *testing.T, e *endpoint) { e.Script("", "") }, v1alpha1.ReasonUnauthorized, 10, probeAfter},
}

// brokenFor is how long the credentials stay broken after the provider's status says so.
const brokenFor = 2 * time.Second

// atWork returns when the operator has made calls for the endpoint.
func atWork(t *testing.T, e *endpoint) { e.verify(t, e.create(t, 3)...) }

func deleteSecret(t *testing.T, e *endpoint) {
	s := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: operatortest.Namespace, Name: e.provider}}
	if err := e.on.admin.Delete(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	e.awaitProvider(t, metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound)
}

// TestCredentials: a provider whose credentials the service rejects is not Ready, makes almost no calls however many
// objects wait, and recovers without a restart when the credentials are fixed.
func TestCredentials(t *testing.T) {
	const waiting = 50
	start(t, common(), binary)
	for _, tc := range credentialFaults {
		t.Run(tc.name, func(t *testing.T) {
			if tc.recover == probeAfter && !suite.Full() {
				t.Skip("only with -full: the objects that were refused wait for half a minute")
			}
			t.Parallel()
			e := newEndpoint(t, common())
			tc.begin(t, e)
			before := e.Calls("", "")
			objects := e.create(t, waiting)
			e.awaitProvider(t, metav1.ConditionFalse, tc.reason)
			broken, cancel := context.WithTimeout(t.Context(), brokenFor)
			defer cancel()
			_ = e.WaitForCalls(broken, before+tc.calls+1) // wait for one call too many, or for none
			calls, limit := e.Journal()[before:], tc.calls
			if len(calls) > 0 { // how long that took, by the service's clock
				limit += tc.probesBetween(calls[0].Time, calls[len(calls)-1].Time)
			}
			figures.AtMost(t, "calls while broken, 50 objects waiting", len(calls), limit, true)

			called := before + len(calls)
			fixed := time.Now()
			tc.fix(t, e)
			waited, cancel := context.WithTimeout(t.Context(), longPatience)
			defer cancel()
			if err := e.WaitForCalls(waited, called+1); err != nil {
				t.Fatal(err)
			}
			figures.AtMost(t, "time until the next call once fixed", time.Since(fixed), tc.recover, false)
			beyond := e.verify(t, objects...)
			refused, after := refusals(e.Journal()[before:]) // each of an object that is called for again
			figures.AtMost(t, "calls beyond one each and the refused ones", beyond-refused, 0, true)
			figures.AtMost(t, "calls refused once one was accepted", after, 0, true)
			e.awaitProvider(t, metav1.ConditionTrue, v1alpha1.ReasonAvailable)
			figures.Note(t, "time until all were logged out once fixed", time.Since(fixed))
		})
	}
}

// refusals counts the rejected calls, and those of them that came after a call that was not rejected.
func refusals(calls []chimetest.Entry) (refused, after int) {
	accepted := time.Time{}
	for _, call := range calls {
		if call.Status == http.StatusNoContent && (accepted.IsZero() || call.Time.Before(accepted)) {
			accepted = call.Time
		}
	}
	for _, call := range calls {
		if call.Status == http.StatusNoContent {
			continue
		}
		if refused++; !accepted.IsZero() && call.Time.After(accepted) {
			after++
		}
	}
	return refused, after
}
