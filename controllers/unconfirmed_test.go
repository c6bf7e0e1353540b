package controllers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/providertest"
)

// TestAnotherSuccessIsAccepted: a service that answers 202 is called again only after a minute, and the status says what
// the administrator can do. When they accept 202, the object is called at once, and is logged out.
func TestAnotherSuccessIsAccepted(t *testing.T) {
	p := providertest.GlobalTokenRevocation
	tt, service := newTenantOf(t, p, 0)
	service.Answer(providertest.Answer{Status: 202})
	obj := awaitReason(tt, tt.logoutOf(p), v1alpha1.ReasonUnexpectedResponse)
	status := obj.Status
	if status.UnconfirmedAttempts != 1 || status.LastAttempt == nil ||
		!strings.Contains(status.LastAttempt.Message, "add 202 to acceptedStatusCodes") ||
		status.NextAttemptTime.Sub(status.LastAttempt.Time.Time) < unconfirmedWait {
		t.Errorf("status %+v", status)
	}
	provider := awaitProvider(tt, v1alpha1.ReasonUnexpectedResponse)
	patch(tt, provider, func(o *v1alpha1.ClusterLogoutProvider) {
		o.Spec.GlobalTokenRevocation.AcceptedStatusCodes = []int32{202, 204}
	})
	obj = awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
	if n := len(service.Calls()); n != 2 || obj.Status.LastAttempt.HTTPStatusCode != 202 {
		t.Errorf("%d calls, status %+v", n, obj.Status)
	}
}

// unconfirmedWait is the shortest wait after a call that may have logged the user out.
const unconfirmedWait = time.Minute
