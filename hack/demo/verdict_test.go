package main

import (
	"errors"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
)

// genuine is evidence with nothing wrong.
func genuine() evidence {
	entry := chimetest.Entry{Status: 204}
	entry.RequestID, entry.Signature = "r-1", chimetest.SignatureValid
	var e evidence
	e.logout.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonLoggedOut},
		{Type: v1alpha1.ConditionFinished, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonSucceeded},
	}
	e.logout.Status.LastAttempt = &v1alpha1.AttemptStatus{RequestID: "r-1"}
	e.journal = []chimetest.Entry{entry}
	e.sessionsBefore = 3
	return e
}

func TestVerdict(t *testing.T) {
	if err := genuine().verdict(); err != nil {
		t.Fatalf("nothing is wrong, but: %v", err)
	}
	for name, tc := range map[string]struct {
		tamper func(*evidence)
		want   string
	}{
		"no conditions": {func(e *evidence) { e.logout.Status.Conditions = nil }, "not Finished"},
		"failed": {func(e *evidence) { e.logout.Status.Conditions[1].Reason = v1alpha1.ReasonFailed },
			"not Finished"},
		"in progress": {func(e *evidence) { e.logout.Status.Conditions[1].Status = metav1.ConditionFalse },
			"not Finished"},
		"not ready": {func(e *evidence) { e.logout.Status.Conditions[0].Status = metav1.ConditionFalse },
			"not Ready"},
		"no call":   {func(e *evidence) { e.journal = nil }, "0 requests"},
		"two calls": {func(e *evidence) { e.journal = append(e.journal, e.journal[0]) }, "2 requests"},
		"forged": {func(e *evidence) { e.journal[0].Signature = "SignatureDoesNotMatch" },
			"is SignatureDoesNotMatch"},
		"200": {func(e *evidence) { e.journal[0].Status = 200 }, "with 200"},
		"another request": {func(e *evidence) { e.logout.Status.LastAttempt.RequestID = "r-2" },
			"does not have request r-1"},
		"no attempt":      {func(e *evidence) { e.logout.Status.LastAttempt = nil }, "does not have request r-1"},
		"never signed in": {func(e *evidence) { e.sessionsBefore = 0 }, "0 sessions before"},
		"still signed in": {func(e *evidence) { e.sessionsAfter = 1 }, "1 sessions left"},
		"operator failed": {func(e *evidence) { e.operator = errors.New("exit status 1") }, "exit status 1"},
	} {
		t.Run(name, func(t *testing.T) {
			e := genuine()
			tc.tamper(&e)
			if err := e.verdict(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error with %q", err, tc.want)
			}
		})
	}
}
