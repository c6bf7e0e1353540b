package httpcall

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

// TLS says whom connections trust, and what they show to servers that ask. The
// zero value trusts the system's CAs, and shows no certificate.
type TLS struct {
	// CAs, if not nil, are trusted in place of the system's.
	CAs *x509.CertPool
	// Certificate, if not nil, is the client certificate.
	Certificate *tls.Certificate
}

// The keys of a Secret of type kubernetes.io/tls.
const (
	keyCertificate = "tls.crt"
	keyPrivateKey  = "tls.key"
)

// Config returns a new configuration for crypto/tls. A server that asks gets
// the certificate even if it does not name the certificate's CA: its alert then
// says what it does not accept.
func (t TLS) Config() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CAs != nil {
		c.RootCAs = t.CAs.Clone() // AWS's SDK adds the CAs of AWS_CA_BUNDLE to it
	}
	c.GetClientCertificate = func(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		noteAsked(request.Context(), t.Certificate != nil)
		if t.Certificate == nil {
			return &tls.Certificate{}, nil
		}
		return t.Certificate, nil
	}
	return c
}

// ParseCAs reads certificates in PEM. The error says what is wrong with the
// text, and does not quote it.
func ParseCAs(bundle string) (*x509.CertPool, error) {
	found, err := parseCertificates([]byte(bundle))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, c := range found {
		pool.AddCert(c)
	}
	return pool, nil
}

// CertificateFrom reads a client certificate and its private key from a
// Secret's data. The error names the key, and quotes no value.
func CertificateFrom(data map[string][]byte, now time.Time) (*tls.Certificate, error) {
	for _, key := range []string{keyCertificate, keyPrivateKey} {
		if len(bytes.TrimSpace(data[key])) == 0 {
			return nil, errors.New("key " + key + " is missing or empty")
		}
	}
	chain, err := parseCertificates(data[keyCertificate])
	if err != nil {
		return nil, errors.New(keyCertificate + " " + err.Error())
	}
	if end := chain[0].NotAfter; now.After(end) {
		return nil, fmt.Errorf("the certificate in %s expired at %s: renew it", keyCertificate,
			end.UTC().Format(time.RFC3339))
	}
	pair, err := tls.X509KeyPair(data[keyCertificate], data[keyPrivateKey])
	switch {
	case err == nil:
		return &pair, nil
	case bytes.Contains(data[keyPrivateKey], []byte("ENCRYPTED")):
		return nil, errors.New(keyPrivateKey + " is encrypted: store it without a password")
	case strings.Contains(err.Error(), "does not match"):
		return nil, errors.New(keyPrivateKey + " is not the private key of the first certificate in " + keyCertificate)
	}
	return nil, errors.New(keyPrivateKey + " is not a private key in PEM (-----BEGIN PRIVATE KEY-----)")
}

// parseCertificates reads a text that has at least one certificate in PEM, and
// nothing else in PEM. Words between the certificates are comments.
func parseCertificates(text []byte) (found []*x509.Certificate, err error) {
	blocks := bytes.Count(text, []byte("-----BEGIN"))
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, errors.New("contains something other than certificates: remove it")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("contains a certificate that cannot be read: number %d", len(found)+1)
		}
		found, text = append(found, c), rest
	}
	switch {
	case blocks == 0:
		return nil, errors.New("contains no certificate in PEM (-----BEGIN CERTIFICATE-----)")
	case len(found) < blocks: // encoding/pem skips what it cannot decode
		return nil, errors.New("contains a certificate that is cut off or damaged: copy it again")
	}
	return found, nil
}
