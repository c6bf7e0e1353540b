package logout

import (
	"errors"
	"fmt"
	"testing"
)

func TestError(t *testing.T) {
	failure := fmt.Errorf("attempt 3: %w", &Error{Reason: NotFound, Class: Permanent, Message: "no such user"})
	if got, want := failure.Error(), "attempt 3: NotFound: no such user"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var e *Error
	if !errors.As(failure, &e) || e.Class != Permanent {
		t.Errorf("%v does not unwrap to its Error", failure)
	}
}
