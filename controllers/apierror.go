package controllers

import (
	"errors"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// tooLarge reports whether the API server, or the etcd behind it, finds an object too large. The API server turns the
// error of etcd or of its gRPC client into an internal error, which differs from other internal errors only in its
// text.
func tooLarge(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	message := status.Status().Message
	return apierrors.IsRequestEntityTooLargeError(err) ||
		strings.Contains(message, "request is too large") || strings.Contains(message, "message larger than max")
}

// refusalReason returns the reason of an API server's error, for a metric's label.
func refusalReason(err error) string {
	switch {
	case tooLarge(err):
		return string(metav1.StatusReasonRequestEntityTooLarge)
	case errors.Is(err, errSuperseded):
		return string(metav1.StatusReasonInvalid)
	}
	return string(apierrors.ReasonForError(err))
}

// briefLength bounds how many characters of an error the log quotes.
const briefLength = 300

// brief shortens an error for the log, because an error from the API server or a webhook may quote the whole object.
func brief(err error) error {
	text := []rune(err.Error())
	if len(text) <= briefLength {
		return err
	}
	return errors.New(string(slices.Concat(text[:briefLength], []rune("…"))))
}
