package httpcall_test

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
	"github.com/logout-operator/logout-operator/internal/pkitest"
)

func TestParseCAs(t *testing.T) {
	ca, other := pkitest.New(t), pkitest.New(t)
	client := ca.Client("client", time.Now().Add(time.Hour))
	garbage := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("secret-EXAMPLE")}))
	for name, tc := range map[string]struct{ bundle, want string }{
		"one":             {ca.PEM(), ""},
		"two":             {ca.PEM() + other.PEM(), ""},
		"comments":        {"# Issuer: corporate\r\n" + ca.PEM() + "\n# another\n" + other.PEM() + "\n\n", ""},
		"Windows":         {strings.ReplaceAll(ca.PEM(), "\n", "\r\n"), ""},
		"no CA":           {client["tls.crt"], ""}, // a self-signed server has none, either
		"empty":           {"", "contains no certificate"},
		"white space":     {" \n", "contains no certificate"},
		"base64 of PEM":   {"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t", "contains no certificate"},
		"a private key":   {client["tls.key"], "something other than certificates"},
		"with a key":      {ca.PEM() + client["tls.key"], "something other than certificates"},
		"cut off":         {ca.PEM() + other.PEM()[:100], "cut off or damaged"},
		"only cut off":    {ca.PEM()[:100], "cut off or damaged"},
		"damaged base64":  {strings.Replace(ca.PEM(), "M", "!", 1) + other.PEM(), "cut off or damaged"},
		"not X.509":       {garbage, "cannot be read: number 1"},
		"second not X509": {ca.PEM() + garbage, "cannot be read: number 2"},
	} {
		_, err := httpcall.ParseCAs(tc.bundle)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "EXAMPLE") {
			t.Errorf("%s: %v quotes the text", name, err)
		}
	}
}

func TestCertificateFrom(t *testing.T) {
	ca, now := pkitest.New(t), time.Now()
	good, other := ca.Client("a", now.Add(time.Hour)), ca.Client("b", now.Add(time.Hour))
	encrypted := string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("secret-EXAMPLE")}))
	for name, tc := range map[string]struct{ certificate, key, want string }{
		"good":            {good["tls.crt"], good["tls.key"], ""},
		"with the CA":     {good["tls.crt"] + ca.PEM(), good["tls.key"], ""},
		"no certificate":  {"", good["tls.key"], "key tls.crt is missing or empty"},
		"no key":          {good["tls.crt"], "\n", "key tls.key is missing or empty"},
		"swapped":         {good["tls.key"], good["tls.crt"], "tls.crt contains something other than certificates"},
		"a path":          {"/etc/secret-EXAMPLE.pem", good["tls.key"], "tls.crt contains no certificate"},
		"another's key":   {good["tls.crt"], other["tls.key"], "tls.key is not the private key of the first certificate"},
		"CA first":        {ca.PEM() + good["tls.crt"], good["tls.key"], "tls.key is not the private key of the first"},
		"encrypted":       {good["tls.crt"], encrypted, "tls.key is encrypted"},
		"not PEM":         {good["tls.crt"], "secret-EXAMPLE", "tls.key is not a private key in PEM"},
		"certificate":     {good["tls.crt"], good["tls.crt"], "tls.key is not a private key in PEM"},
		"expired":         {ca.Client("c", now.Add(-time.Minute))["tls.crt"], good["tls.key"], "in tls.crt expired at 2"},
		"key in tls.crt":  {good["tls.crt"] + good["tls.key"], good["tls.key"], "tls.crt contains something other"},
		"damaged key":     {good["tls.crt"], strings.Replace(good["tls.key"], "M", "!", 1), "tls.key is not a private key"},
		"trailing spaces": {good["tls.crt"] + "  \n", good["tls.key"] + "  \n", ""},
	} {
		got, err := httpcall.CertificateFrom(map[string][]byte{"tls.crt": []byte(tc.certificate),
			"tls.key": []byte(tc.key)}, now)
		if (err == nil) != (tc.want == "") || (got != nil) != (err == nil) ||
			err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
		if err != nil && (strings.Contains(err.Error(), "EXAMPLE") ||
			strings.Contains(err.Error(), good["tls.key"][30:40])) {
			t.Errorf("%s: %v quotes a value", name, err)
		}
	}
}

// TestCAsReplaceTheSystems: a configured CA is the only one, and no client can add to it for others.
func TestCAsReplaceTheSystems(t *testing.T) {
	ca := pkitest.New(t)
	config := httpcall.TLS{CAs: ca.Pool()}
	config.Config().RootCAs.AppendCertsFromPEM([]byte(pkitest.New(t).PEM())) // as AWS's SDK does with AWS_CA_BUNDLE
	if got := config.Config(); !got.RootCAs.Equal(ca.Pool()) || got.MinVersion != tls.VersionTLS12 {
		t.Errorf("%+v", got)
	}
	if got := (httpcall.TLS{}).Config(); got.RootCAs != nil || got.MinVersion != tls.VersionTLS12 {
		t.Errorf("the zero value: %+v", got)
	}
}

// server starts a service with a certificate of the CA, and returns its URL.
func server(t *testing.T, ca *pkitest.CA, config *tls.Config, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	config.Certificates, config.ClientCAs = []tls.Certificate{ca.Server("127.0.0.1")}, ca.Pool()
	s.TLS = config
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// TestServerAsksForACertificate: the message says so, whatever the server does to clients whose certificate it does not
// accept.
func TestServerAsksForACertificate(t *testing.T) {
	const (
		none  = "the endpoint asks for a client certificate, and the provider names none"
		given = "the endpoint asked for the client certificate and may not accept it"
	)
	ca := pkitest.New(t)
	stranger, err := httpcall.CertificateFrom(secretData(pkitest.New(t).Client("stranger", time.Now().Add(time.Hour))),
		time.Now())
	if err != nil {
		t.Fatal(err)
	}
	nginx := func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "<html><title>400 No required SSL certificate was sent</title></html>")
		}
	}
	refuses := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }
	hangUp := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	required, old := tls.RequireAndVerifyClientCert, uint16(tls.VersionTLS12)
	for name, tc := range map[string]struct {
		config      *tls.Config
		handler     http.HandlerFunc
		certificate *tls.Certificate
		want        string
	}{
		"TLS 1.3":               {&tls.Config{ClientAuth: required}, nil, nil, none},
		"TLS 1.2":               {&tls.Config{ClientAuth: required, MaxVersion: old}, nil, nil, none},
		"a page":                {&tls.Config{ClientAuth: tls.RequestClientCert}, nginx, nil, none},
		"hangs up":              {&tls.Config{ClientAuth: tls.RequestClientCert}, hangUp, nil, none},
		"stranger, TLS 1.3":     {&tls.Config{ClientAuth: required}, nil, stranger, given},
		"stranger, TLS 1.2":     {&tls.Config{ClientAuth: required, MaxVersion: old}, nil, stranger, given},
		"stranger is hung up":   {&tls.Config{ClientAuth: tls.RequestClientCert}, hangUp, stranger, given},
		"a page for a stranger": {&tls.Config{ClientAuth: tls.RequestClientCert}, refuses, stranger, given},
		"does not ask":          {&tls.Config{}, hangUp, nil, ""},
		"does not ask, page":    {&tls.Config{}, nginx, nil, ""},
		"does not ask for it":   {&tls.Config{}, hangUp, stranger, ""},
		"accepts the stranger":  {&tls.Config{ClientAuth: tls.RequestClientCert}, nginx, stranger, ""},
	} {
		t.Run(name, func(t *testing.T) {
			wire := httpcall.NewWire(httpcall.TLS{CAs: ca.Pool(), Certificate: tc.certificate})
			defer wire.Close()
			message := call(t, wire, server(t, ca, tc.config, tc.handler))
			if tc.want == "" && strings.Contains(message, "client certificate") ||
				strings.Count(message, tc.want) != 1 && tc.want != "" {
				t.Errorf("%q, want %q", message, tc.want)
			}
		})
	}
}

// TestWorkingCertificateIsNotBlamed: a service that accepts the certificate, and then fails in another way, fails in
// that way.
func TestWorkingCertificateIsNotBlamed(t *testing.T) {
	ca, hangsUp := pkitest.New(t), false
	certificate, err := httpcall.CertificateFrom(secretData(ca.Client("client", time.Now().Add(time.Hour))), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	url := server(t, ca, &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert},
		func(http.ResponseWriter, *http.Request) {
			if hangsUp {
				panic(http.ErrAbortHandler)
			}
		})
	wire := httpcall.NewWire(httpcall.TLS{CAs: ca.Pool(), Certificate: certificate})
	defer wire.Close()
	if message := call(t, wire, url); !strings.Contains(message, "HTTP 200") {
		t.Fatal(message)
	}
	hangsUp = true
	if message := call(t, wire, url); message != "EndpointUnreachable: connection closed before a valid HTTP response arrived" {
		t.Error(message)
	}
}

func secretData(from map[string]string) map[string][]byte {
	data := map[string][]byte{}
	for key, value := range from {
		data[key] = []byte(value)
	}
	return data
}

// call makes a call and returns the message of its failure. Every answer counts as one.
func call(t *testing.T, wire *httpcall.Wire, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := wire.Call(req)
	if err != nil {
		return err.Error()
	}
	return answer.Failure(httpcall.Finding{Reason: logout.UnexpectedResponse, Operation: "Logout"}).Message
}

// TestProxyIsNamed: a proxy that cannot be reached is not taken for the endpoint.
func TestProxyIsNamed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := listener.Addr().String()
	_ = listener.Close()
	wire := httpcall.NewWire(httpcall.TLS{})
	defer wire.Close()
	wire.Transport.(*http.Transport).Proxy = func(*http.Request) (*url.URL, error) {
		return url.Parse("http://user:hunter2-EXAMPLE@" + nobody)
	}
	if got := call(t, wire, "https://service.example"); got != "EndpointUnreachable: proxy: connection refused" {
		t.Error(got)
	}
}
