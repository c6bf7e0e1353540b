package chimetest

import (
	"fmt"
	"net/http"
)

// documented are the error codes of LogoutUser and those common to all AWS services, with the HTTP status that AWS
// documents for each.
var documented = map[string]int{
	"BadRequestException":         http.StatusBadRequest,
	"UnauthorizedClientException": http.StatusUnauthorized,
	"ForbiddenException":          http.StatusForbidden,
	"NotFoundException":           http.StatusNotFound,
	"ThrottledClientException":    http.StatusTooManyRequests,
	"ServiceFailureException":     http.StatusInternalServerError,
	"ServiceUnavailableException": http.StatusServiceUnavailable,

	"AccessDeniedException":               http.StatusForbidden,
	"ExpiredTokenException":               http.StatusForbidden,
	"IncompleteSignature":                 http.StatusForbidden,
	"InternalFailure":                     http.StatusInternalServerError,
	"InvalidClientTokenId":                http.StatusForbidden,
	"MalformedHttpRequestException":       http.StatusBadRequest,
	"MissingAuthenticationTokenException": http.StatusForbidden,
	"NotAuthorized":                       http.StatusUnauthorized,
	"OptInRequired":                       http.StatusForbidden,
	"RequestAbortedException":             http.StatusBadRequest,
	"RequestEntityTooLargeException":      http.StatusRequestEntityTooLarge,
	"RequestExpired":                      http.StatusBadRequest,
	"RequestTimeoutException":             http.StatusRequestTimeout,
	"ServiceUnavailable":                  http.StatusServiceUnavailable,
	"SignatureDoesNotMatch":               http.StatusForbidden,
	"ThrottlingException":                 http.StatusBadRequest,
	"UnknownOperationException":           http.StatusNotFound,
	"UnrecognizedClientException":         http.StatusForbidden,
	"ValidationError":                     http.StatusBadRequest,
}

// refuse is the answer to a call that the service does not carry out.
func refuse(code, format string, args ...any) *Answer {
	return &Answer{Code: code, Message: fmt.Sprintf(format, args...)}
}
