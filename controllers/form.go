package controllers

import (
	"errors"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// tooLargeMessage stands for the messages of a status that has to be short.
const tooLargeMessage = "left out: the object is too large"

// forms are a status in ever smaller forms, for an object that has been filled
// up to what the API server can store: as it is; without messages but one that
// says so; and with neither messages nor what is new of the last attempt. The
// smallest is no larger than a claim that it takes the place of, so it can be
// stored wherever the claim was.
func forms(before, status v1alpha1.UserLogoutStatus) []v1alpha1.UserLogoutStatus {
	short, least := *status.DeepCopy(), *status.DeepCopy()
	for i := range least.Conditions {
		short.Conditions[i].Message, least.Conditions[i].Message = "", ""
		if short.Conditions[i].Type == v1alpha1.ConditionReady {
			short.Conditions[i].Message = tooLargeMessage
		}
	}
	if a := short.LastAttempt; a != nil {
		short.LastAttempt = &v1alpha1.AttemptStatus{Time: a.Time, HTTPStatusCode: a.HTTPStatusCode}
	}
	least.LastAttempt = before.LastAttempt.DeepCopy()
	return []v1alpha1.UserLogoutStatus{status, short, least}
}

// tooLarge reports whether the API server, or the etcd behind it, finds an object
// too large. Of what etcd and its gRPC client say to that, the API server makes
// an internal error, which only its text tells from others.
func tooLarge(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	message := status.Status().Message
	return apierrors.IsRequestEntityTooLargeError(err) ||
		strings.Contains(message, "request is too large") || strings.Contains(message, "message larger than max")
}

// refusalReason is the reason of an error of the API server, for a label.
func refusalReason(err error) string {
	switch {
	case tooLarge(err):
		return string(metav1.StatusReasonRequestEntityTooLarge)
	case errors.Is(err, errSuperseded):
		return string(metav1.StatusReasonInvalid)
	}
	return string(apierrors.ReasonForError(err))
}

// briefLength bounds what the log quotes of an error.
const briefLength = 300

// brief shortens an error for the log: what the API server or a webhook answers
// may quote the whole object.
func brief(err error) error {
	text := []rune(err.Error())
	if len(text) <= briefLength {
		return err
	}
	return errors.New(string(slices.Concat(text[:briefLength], []rune("…"))))
}
