package lifecycle

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/logout"
)

func TestBackoff(t *testing.T) {
	retry := &logout.Error{Reason: logout.ServiceFailure}
	unconfirmed := &logout.Error{Reason: logout.UnexpectedResponse, Unconfirmed: true}
	for _, tt := range []struct {
		name    string
		attempt int32
		failure *logout.Error
		random  float64
		want    time.Duration
	}{
		{"first, least", 1, retry, 0, 0},
		{"first, most", 1, retry, 1, time.Second},
		{"fifth", 5, retry, 0.5, 8 * time.Second},
		{"capped", 10, retry, 1, 5 * time.Minute},
		{"no overflow", 1 << 30, retry, 1, 5 * time.Minute},
		{"Retry-After is the least", 1, &logout.Error{RetryAfter: 20 * time.Second}, 1, 20 * time.Second},
		{"Retry-After below the backoff", 10, &logout.Error{RetryAfter: 20 * time.Second}, 0, 20 * time.Second},
		{"Retry-After, most", 10, &logout.Error{RetryAfter: 20 * time.Second}, 1, 5 * time.Minute},
		{"slowly", 1, &logout.Error{Reason: logout.Unauthorized}, 0, 30 * time.Second},
		{"unconfirmed", 1, unconfirmed, 1, time.Minute},
		{"unconfirmed, again", 2, unconfirmed, 0, 2 * time.Minute},
		{"unconfirmed, late", 1 << 30, unconfirmed, 1, 5 * time.Minute},
		{"unconfirmed, asked for more", 1, &logout.Error{Unconfirmed: true, RetryAfter: 70 * time.Second}, 0, 70 * time.Second},
		{"slowly, late", 9, &logout.Error{Reason: logout.Unauthorized}, 1, 256 * time.Second},
	} {
		if got := Backoff(tt.attempt, tt.failure, tt.random); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		failure := &logout.Error{
			Reason: rapid.SampledFrom([]logout.Reason{logout.ServiceFailure, logout.Unauthorized}).Draw(t,
				"reason"),
			Unconfirmed: rapid.Bool().Draw(t, "unconfirmed"),
			RetryAfter:  time.Duration(rapid.Int64Range(0, int64(logout.MaxRetryAfter)).Draw(t, "retryAfter")),
		}
		got := Backoff(rapid.Int32Range(1, 1<<30).Draw(t, "attempt"), failure,
			rapid.Float64Range(0, 1).Draw(t, "random"))
		if got < failure.RetryAfter || got > MaxBackoff {
			t.Fatalf("backoff %s with Retry-After %s", got, failure.RetryAfter)
		}
	})
}

// TestReasonsAreDocumented checks that the API documents every reason that a client reports.
func TestReasonsAreDocumented(t *testing.T) {
	for reason, documented := range map[logout.Reason]string{
		logout.BadRequest: v1alpha1.ReasonBadRequest, logout.NotFound: v1alpha1.ReasonNotFound,
		logout.Forbidden:    v1alpha1.ReasonForbidden,
		logout.Unauthorized: v1alpha1.ReasonUnauthorized, logout.Throttled: v1alpha1.ReasonThrottled,
		logout.ServiceUnavailable:  v1alpha1.ReasonServiceUnavailable,
		logout.ServiceFailure:      v1alpha1.ReasonServiceFailure,
		logout.EndpointUnreachable: v1alpha1.ReasonEndpointUnreachable,
		logout.UnexpectedResponse:  v1alpha1.ReasonUnexpectedResponse,
	} {
		if string(reason) != documented {
			t.Errorf("%s is documented as %s", reason, documented)
		}
	}
}
