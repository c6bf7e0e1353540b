package httpcall

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"syscall"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// Unreachable returns the error for a call that ended without an answer.
func Unreachable(err error) *logout.Error {
	message, down := Explain(err)
	return &logout.Error{
		Reason:       logout.EndpointUnreachable,
		ProviderWide: down,
		Message:      message,
	}
}

// Explain returns in a few words why no answer came. They replace Go's chain of
// errors, which contains addresses and URLs. Down means that the endpoint could
// not be reached at all, not only that this call failed.
func Explain(err error) (words string, down bool) {
	words, down = explain(err)
	if e, ok := errors.AsType[hinted](err); ok && !strings.Contains(words, e.hint) {
		words += "; " + e.hint
	}
	return words, down
}

func explain(err error) (words string, down bool) {
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "proxyconnect" {
		words, down = explain(e.Err)
		return "proxy: " + words, down
	}
	switch {
	case errors.Is(err, errTooLate):
		return "timeout: " + errTooLate.Error(), false
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", true
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to the host", true
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset", false
	}
	if e, ok := errors.AsType[proxyError](err); ok {
		return e.Error(), true
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		if e.IsNotFound {
			return "DNS: no such host", true
		}
		return "DNS: the host name could not be looked up", true
	}
	if words := explainTLS(err); words != "" {
		return "TLS: " + words, true
	}
	if e, ok := errors.AsType[net.Error](err); errors.Is(err, context.DeadlineExceeded) || ok && e.Timeout() {
		return "timeout: no answer within the attempt's deadline", false
	}
	if errors.Is(err, context.Canceled) {
		return "canceled before a response arrived", false
	}
	return "connection closed before a valid HTTP response arrived", false
}

// explainTLS returns why the TLS handshake failed; empty if it was not TLS.
func explainTLS(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "certificate signed by unknown authority"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "certificate is for another host name"
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		if v, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && e.Cert != nil &&
			len(v.UnverifiedCertificates) > 0 && !e.Cert.Equal(v.UnverifiedCertificates[0]) {
			return "the certificate of a CA, from the CA bundle or the endpoint, has expired or is not yet valid"
		}
		return "certificate has expired or is not yet valid"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "certificate not accepted"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the endpoint does not speak TLS"
	}
	switch alert := alertIn(err); alert {
	case "":
		return ""
	case "certificate required":
		return noCertificate
	default:
		return "the endpoint refused the handshake (" + alert + ")"
	}
}

// alertIn returns the TLS alert that ended a connection; empty if none did.
// crypto/tls hides the type of an alert from the other side, but marks it so.
// The texts of alerts are its own.
func alertIn(err error) string {
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "remote error" {
		return strings.TrimPrefix(e.Err.Error(), "tls: ")
	}
	return ""
}
