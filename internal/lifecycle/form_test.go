package lifecycle

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// TestFormsShrink checks that the smallest form of an outcome is no larger than the claim.
func TestFormsShrink(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obj := object()
		if rapid.Bool().Draw(t, "retried") {
			throttledAt(1, 1)(obj)
			obj.Status.UnconfirmedAttempts = rapid.Int32Range(0, maxUnconfirmed-1).Draw(t, "unconfirmed")
			obj.Status.Attempts = rapid.Int32Range(1, 1<<30).Draw(t, "attempts")
		}
		obj.Generation = rapid.Int64Range(1, 1<<40).Draw(t, "generation")
		claim := obj.DeepCopy()
		claimedAt(10)(claim)
		after := LoggedOut(claim, at(10), logout.Receipt{HTTPStatusCode: 204, RequestID: strings.Repeat("r", 256)},
			at(11))
		if reason := rapid.SampledFrom([]logout.Reason{"", logout.BadRequest, logout.NotFound, logout.Forbidden,
			logout.Unauthorized, logout.Throttled, logout.ServiceUnavailable, logout.ServiceFailure,
			logout.EndpointUnreachable, logout.UnexpectedResponse}).Draw(t, "reason"); reason != "" {
			failure := &logout.Error{Reason: reason, Message: rapid.StringN(0, 256, -1).Draw(t, "message")}
			failure.Unconfirmed = reason == logout.UnexpectedResponse && rapid.Bool().Draw(t, "a 2xx")
			after = FailedAttempt(claim, at(10), failure, at(11), time.Second)
		}
		if rapid.Bool().Draw(t, "not called") {
			after = Uncalled(claim, &Refusal{Reason: v1alpha1.ReasonProviderNotFound, Message: "m"}, at(11))
		}
		size := func(s v1alpha1.UserLogoutStatus) int {
			data, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			return len(data)
		}
		all := Forms(claim.Status, after)
		if least := all[len(all)-1]; size(least) > size(claim.Status) {
			t.Fatalf("%d bytes, the claim has %d: %+v", size(least), size(claim.Status), least)
		}
		for _, form := range all {
			if Ready(form).Reason != Ready(after).Reason ||
				Finished(&v1alpha1.UserLogout{Status: form}) != Finished(&v1alpha1.UserLogout{Status: after}) {
				t.Fatalf("it says something else: %+v", form)
			}
		}
	})
}
