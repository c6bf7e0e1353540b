package main

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
)

// evidence is everything that a demonstration leaves behind.
type evidence struct {
	logout                        v1alpha1.UserLogout
	journal                       []chimetest.Entry
	sessionsBefore, sessionsAfter int
	operator                      error // returned by its stop
}

// verdict lists everything that is wrong with the evidence, or returns nil.
func (e evidence) verdict() error {
	var wrong []error
	expect := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	conditions := e.logout.Status.Conditions
	finished := meta.FindStatusCondition(conditions, v1alpha1.ConditionFinished)
	expect(finished != nil && finished.Status == metav1.ConditionTrue && finished.Reason == v1alpha1.ReasonSucceeded,
		"the object is not Finished with reason Succeeded")
	expect(meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReady), "the object is not Ready")
	expect(len(e.journal) == 1, "the service got %d requests, not exactly one", len(e.journal))
	for _, entry := range e.journal {
		expect(entry.Signature == chimetest.SignatureValid, "the signature of request %s is %s", entry.RequestID,
			entry.Signature)
		expect(entry.Status == 204, "the service answered request %s with %d, not 204", entry.RequestID, entry.Status)
		last := e.logout.Status.LastAttempt
		expect(last != nil && last.RequestID == entry.RequestID, "status.lastAttempt does not have request %s",
			entry.RequestID)
	}
	expect(e.sessionsBefore == len(devices), "the user had %d sessions before, not %d", e.sessionsBefore, len(devices))
	expect(e.sessionsAfter == 0, "the user has %d sessions left", e.sessionsAfter)
	expect(e.operator == nil, "%w", e.operator)
	return errors.Join(wrong...)
}
