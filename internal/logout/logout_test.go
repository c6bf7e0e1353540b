package logout

import (
	"errors"
	"fmt"
	"testing"
)

func TestError(t *testing.T) {
	failure := fmt.Errorf("attempt 3: %w", &Error{Reason: NotFound, Message: "no such user"})
	if got, want := failure.Error(), "attempt 3: NotFound: no such user"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var e *Error
	if !errors.As(failure, &e) || e.Reason != NotFound {
		t.Errorf("%v does not unwrap to its Error", failure)
	}
}

// TestClass: only what the service says about this user ends an object.
func TestClass(t *testing.T) {
	for reason, want := range map[Reason]Class{
		BadRequest: Permanent, NotFound: Permanent, Forbidden: Permanent,
		Unauthorized: RetrySlowly, UnexpectedResponse: RetrySlowly,
		Throttled: Retry, ServiceUnavailable: Retry, ServiceFailure: Retry, EndpointUnreachable: Retry, "": Retry,
	} {
		if got := reason.Class(); got != want {
			t.Errorf("%q: class %d, want %d", reason, got, want)
		}
	}
}
