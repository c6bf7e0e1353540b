package providers

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// asked is a client that counts the checks of its credentials.
type asked struct {
	Client
	checks int
	err    error
}

func (a *asked) CheckCredentials(context.Context) error {
	a.checks++
	return a.err
}

// TestCredentialsAreCheckedSeldom: credentials are checked once for each
// client, and after a failure not before the time that the failure asks for,
// however often somebody looks.
func TestCredentialsAreCheckedSeldom(t *testing.T) {
	failure := func(after time.Duration) error {
		return &logout.Error{Reason: logout.Throttled, Message: "slow down", RetryAfter: after}
	}
	for _, tt := range []struct {
		name    string
		err     error
		message string
		every   time.Duration // 0: never again
	}{
		{"good", nil, "", 0},
		{"no answer", errors.New("no identity"), "no identity", 30 * time.Second},
		{"refused", failure(0), "slow down", 30 * time.Second},
		{"refused for a short while", failure(time.Second), "slow down", 30 * time.Second},
		{"refused for five minutes", failure(5 * time.Minute), "slow down", 5 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: "p"}}
				c := &asked{err: tt.err}
				r := &Resolver{clients: map[string]entry{"p": {client: c}}}
				look := func() time.Time {
					problem, again := r.CheckCredentials(t.Context(), p, c, time.Time{})
					if (problem == nil) != (tt.message == "") ||
						problem != nil && (problem.Message != tt.message ||
							problem.Reason != v1alpha1.ReasonCredentialsUnavailable) {
						t.Errorf("problem %+v", problem)
					}
					return again
				}
				began := time.Now()
				for range 3600 {
					again := look()
					if !again.IsZero() && time.Until(again) > tt.every {
						t.Errorf("again after %s", time.Until(again))
					}
					<-time.After(time.Second)
				}
				want := 1
				if tt.every > 0 {
					want = int(time.Since(began) / tt.every)
				}
				if c.checks != want {
					t.Errorf("%d checks in an hour, want %d", c.checks, want)
				}
				// A new client is checked at once.
				another := &asked{}
				r.clients["p"] = entry{client: another}
				if problem, again := r.CheckCredentials(t.Context(), p, another, time.Time{}); problem != nil ||
					!again.IsZero() || another.checks != 1 {
					t.Errorf("another client: %+v, again at %s, %d checks", problem, again, another.checks)
				}
			})
		})
	}
}

// TestNoCheckInAPause: while the service asks for a pause, the operator
// requests no token either.
func TestNoCheckInAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: "p"}}
		c := &asked{}
		r := &Resolver{clients: map[string]entry{"p": {client: c}}}
		until := time.Now().Add(5 * time.Minute)
		for time.Now().Before(until) {
			if problem, again := r.CheckCredentials(t.Context(), p, c, until); problem != nil || !again.Equal(until) ||
				c.checks != 0 {
				t.Fatalf("problem %+v, again at %s, %d checks", problem, again, c.checks)
			}
			<-time.After(time.Second)
		}
		if problem, again := r.CheckCredentials(t.Context(), p, c, until); problem != nil || !again.IsZero() ||
			c.checks != 1 {
			t.Errorf("after the pause: problem %+v, again at %s, %d checks", problem, again, c.checks)
		}
	})
}

// TestOtherWordsAreNoNews: a token endpoint whose words differ from answer to answer, by a trace ID say, does not change
// the provider's status each time.
func TestOtherWordsAreNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: "p"}}
		c := &asked{}
		r := &Resolver{clients: map[string]entry{"p": {client: c}}}
		for _, step := range []struct{ message, words, want string }{
			{"refused (invalid_client)", "trace 1", "refused (invalid_client); the service says: trace 1"},
			{"refused (invalid_client)", "trace 2", "refused (invalid_client); the service says: trace 1"},
			{"refused (invalid_scope)", "trace 3", "refused (invalid_scope); the service says: trace 3"},
			{"unavailable", "", "unavailable"},
		} {
			c.err = &logout.Error{Reason: logout.Unauthorized, Message: step.message, Words: step.words}
			if problem, _ := r.CheckCredentials(t.Context(), p, c, time.Time{}); problem.Message != step.want {
				t.Errorf("%+v: %q", step, problem.Message)
			}
			<-time.After(recheckAfter)
		}
	})
}
