package controllers

import (
	"errors"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

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
