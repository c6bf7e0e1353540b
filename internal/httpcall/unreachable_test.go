package httpcall

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// The messages for failures that a test cannot cause with a real socket.
func TestExplain(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
		down bool
	}{
		{&net.DNSError{Err: "no such host", Name: "chime.example", IsNotFound: true}, "DNS: no such host", true},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)},
			"no route to the host", true},
		{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded},
			"timeout: no answer within the attempt's deadline", false},
		{&net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.EPIPE)}, "connection reset", false},
		{&tls.CertificateVerificationError{Err: errors.New("x509: secret")}, "TLS: certificate not accepted", true},
		{errors.New(`Post "https://chime.example/accounts/a": secret`),
			"connection closed before a valid HTTP response arrived", false},
		{io.ErrUnexpectedEOF, "connection closed before a valid HTTP response arrived", false},
	} {
		for _, err := range []error{tc.err, fmt.Errorf("wrapped: %w", tc.err)} {
			if e := Unreachable(err); *e != (logout.Error{Reason: logout.EndpointUnreachable, ProviderWide: tc.down,
				Message: tc.want}) {
				t.Errorf("%v: got %+v", err, e)
			}
		}
	}
}
