// Package pkitest issues certificates, for tests of services with a private CA.
package pkitest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// CA is a certificate authority.
type CA struct {
	t           testing.TB
	certificate *x509.Certificate
	key         crypto.Signer
}

// New returns a CA that nobody trusts yet.
func New(t testing.TB) *CA {
	t.Helper()
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "a CA of a test"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour)}
	ca := &CA{t: t}
	ca.certificate, ca.key = sign(t, template, nil, nil)
	return ca
}

// PEM returns the CA's certificate.
func (ca *CA) PEM() string { return encode("CERTIFICATE", ca.certificate.Raw) }

// Pool returns the CA as the only one to trust.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.certificate)
	return pool
}

// Server returns a server's certificate for names and addresses of hosts.
func (ca *CA) Server(hosts ...string) tls.Certificate {
	ca.t.Helper()
	template := &x509.Certificate{NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	c, key := sign(ca.t, template, ca.certificate, ca.key)
	return tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: key, Leaf: c}
}

// Client returns the data of a Secret of type kubernetes.io/tls with a client certificate, as cert-manager writes it.
func (ca *CA) Client(name string, notAfter time.Time) map[string]string {
	ca.t.Helper()
	c, key := sign(ca.t, &x509.Certificate{Subject: pkix.Name{CommonName: name}, NotAfter: notAfter,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, ca.certificate, ca.key)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		ca.t.Fatal(err)
	}
	return map[string]string{"tls.crt": encode("CERTIFICATE", c.Raw), "tls.key": encode("PRIVATE KEY", private),
		"ca.crt": ca.PEM()}
}

// sign returns a certificate and its key, signed by the parent or by itself if there is none.
func sign(
	t testing.TB, template, parent *x509.Certificate, by crypto.Signer,
) (*x509.Certificate, crypto.Signer) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if parent == nil {
		parent, by = template, key
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.NotBefore = serial, time.Now().Add(-24*time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c, key
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
