package providertest

import (
	"crypto/tls"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/pkitest"
)

const asksForCertificate = "asks for a client certificate, and the provider names none"

// overTLS returns a kit whose whole service, with every server that issues credentials, has a certificate of the CA.
// Clients need a certificate of the other CA, unless that is nil.
func (k *kit) overTLS(ca, clients *pkitest.CA) *kit {
	config := &tls.Config{Certificates: []tls.Certificate{ca.Server("127.0.0.1")}}
	if clients != nil {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, clients.Pool()
	}
	return newKitAt(k.TB, k.p, NewTLSServer(k.TB, k.p, config))
}

// trust sets spec.tls, and drops the client, with the pause that a failed request for a token may have caused.
func (k *kit) trust(t *v1alpha1.TLS) {
	k.resolver.Forget(k.object.Name)
	k.object.Spec.TLS = t
}

// holds adds an object that the provider references, or replaces it.
func (k *kit) holds(name, kind string, data map[string]string) {
	meta := metav1.ObjectMeta{Namespace: k.secret.Namespace, Name: name}
	var obj client.Object = &corev1.ConfigMap{ObjectMeta: meta, Data: data}
	if kind == "Secret" {
		secret := &corev1.Secret{ObjectMeta: meta, Data: map[string][]byte{}}
		for key, value := range data {
			secret.Data[key] = []byte(value)
		}
		obj = secret
	}
	k.objects = append([]client.Object{obj}, k.objects...) // the first of a name counts
}

// failsTLS makes an attempt that must fail before any request, with the words.
func (k *kit) failsTLS(what, words string) {
	k.Helper()
	_, e := k.attempt()
	if e == nil || !strings.Contains(e.Message, words) || !e.ProviderWide {
		k.Errorf("%s: %+v, want %q", what, e, words)
	}
	if clients := k.server.Clients(); len(clients) != 0 {
		k.Errorf("%s: requests from %v", what, clients)
	}
}

// privateCA: only the configured CA is trusted, by every connection, and a changed bundle replaces the client.
func (k *kit) privateCA() {
	ca, other := pkitest.New(k), pkitest.New(k)
	s := k.overTLS(ca, nil)
	const untrusted = "TLS: certificate signed by unknown authority"
	s.failsTLS("without a CA", untrusted)
	s.trust(&v1alpha1.TLS{CABundle: ca.PEM()})
	s.succeeds("inline")
	s.server.Clients()
	s.trust(&v1alpha1.TLS{CABundle: other.PEM()})
	s.failsTLS("another CA", untrusted)
	s.trust(&v1alpha1.TLS{CABundle: other.PEM() + ca.PEM()})
	s.succeeds("both")
	for _, kind := range []v1alpha1.CABundleKind{v1alpha1.CABundleKindConfigMap, v1alpha1.CABundleKindSecret} {
		for _, key := range []string{"", "bundle.pem"} {
			in := key
			if in == "" {
				in = "ca.crt"
			}
			name := "ca-" + strings.ToLower(string(kind))
			s.server.Clients()
			s.trust(&v1alpha1.TLS{CABundleRef: &v1alpha1.CABundleReference{Kind: kind, Name: name, Key: key}})
			s.holds(name, string(kind), map[string]string{in: other.PEM()})
			s.failsTLS("another CA in a "+string(kind), untrusted)
			s.holds(name, string(kind), map[string]string{in: ca.PEM()})
			s.succeeds("the CA in a " + string(kind))
		}
	}
}

// clientCertificate: every server that asks gets the certificate, a renewed one replaces the client, and the message
// says what the server asked for.
func (k *kit) clientCertificate() {
	ca, clients := pkitest.New(k), pkitest.New(k)
	s := k.overTLS(ca, clients)
	with := &v1alpha1.TLS{CABundle: ca.PEM(), ClientCertificate: &v1alpha1.ClientCertificate{
		SecretRef: v1alpha1.SecretReference{Name: "client"}}}
	s.trust(&v1alpha1.TLS{CABundle: ca.PEM()})
	s.failsTLSAsked("without a certificate", asksForCertificate)
	in := time.Now().Add(time.Hour)
	s.holds("client", "Secret", pkitest.New(k).Client("stranger", in))
	s.trust(with)
	s.failsTLSAsked("of another CA", "may not accept it")
	for _, name := range []string{"first", "renewed"} {
		if name == "first" {
			s.resolver.Forget(s.object.Name)
		}
		s.holds("client", "Secret", clients.Client(name, in))
		before := len(s.server.Calls())
		s.succeeds(name)
		if got := s.server.Clients(); len(got) != 1 || got[name] == 0 || len(s.server.Calls()) != before+1 {
			s.Errorf("%s: requests from %v", name, got)
		}
	}
	s.holds("client", "Secret", map[string]string{"tls.crt": "", "tls.key": ""})
	s.refuses(v1alpha1.ReasonInvalidSecret, "client", "tls.crt")
	s.answersOnlyAsked(ca)
}

// failsTLSAsked is failsTLS for a server that ends the connection because of the client's certificate. It may do that
// before or after it says so, so this may be taken for one client's problem.
func (k *kit) failsTLSAsked(what, words string) {
	k.Helper()
	_, e := k.attempt()
	if e == nil || !strings.Contains(e.Message, words) || len(k.server.Clients()) != 0 {
		k.Errorf("%s: %+v, want %q", what, e, words)
	}
}

// answersOnlyAsked: nginx lets the handshake succeed, and answers 400 to those without a certificate.
func (k *kit) answersOnlyAsked(ca *pkitest.CA) {
	server := NewTLSServer(k.TB, k.p, &tls.Config{Certificates: []tls.Certificate{ca.Server("127.0.0.1")},
		ClientAuth: tls.RequestClientCert})
	s := newKitAt(k.TB, k.p, server)
	server.Handle(func(w http.ResponseWriter, _ *http.Request) {
		Answer{Status: 400, Header: map[string]string{"Content-Type": "text/html"},
			Body: "<html><title>400 No required SSL certificate was sent</title></html>"}.write(w)
	}, nil)
	s.trust(&v1alpha1.TLS{CABundle: ca.PEM()})
	if _, e := s.attempt(); e == nil || !strings.Contains(e.Message, asksForCertificate) {
		s.Errorf("400 by nginx: %+v", e)
	}
}

// misconfiguredTLS: the error names the field, or the object and its key, and quotes no value.
func (k *kit) misconfiguredTLS() {
	ca := pkitest.New(k)
	good, expired := ca.Client("client", time.Now().Add(time.Hour)), ca.Client("client", time.Now().Add(-time.Minute))
	const namespace = `namespace "operators"`
	for _, tc := range []struct {
		kind   string
		data   map[string]string
		tls    v1alpha1.TLS
		reason string
		words  []string
	}{
		{"", nil, v1alpha1.TLS{CABundle: "hidden"}, v1alpha1.ReasonInvalidSpec, []string{"spec.tls.caBundle contains no"}},
		{"", nil, v1alpha1.TLS{CABundle: ca.PEM() + good["tls.key"]}, v1alpha1.ReasonInvalidSpec,
			[]string{"spec.tls.caBundle contains something other than certificates"}},
		{"", nil, bundleIn("Keychain", ""), v1alpha1.ReasonInvalidSpec, []string{"spec.tls.caBundleRef.kind", "Keychain"}},
		{"", nil, bundleIn("ConfigMap", ""), v1alpha1.ReasonInvalidConfigMap,
			[]string{`ConfigMap "held" not found in ` + namespace}},
		{"", nil, bundleIn("Secret", ""), v1alpha1.ReasonSecretNotFound, []string{`Secret "held" not found in ` + namespace}},
		{"", nil, certificateIn("held"), v1alpha1.ReasonSecretNotFound, []string{`Secret "held" not found in ` + namespace}},
		{"ConfigMap", map[string]string{"other": ca.PEM()}, bundleIn("ConfigMap", ""), v1alpha1.ReasonInvalidConfigMap,
			[]string{`ConfigMap "held" in ` + namespace + ": key ca.crt is missing or empty"}},
		{"ConfigMap", map[string]string{"a.pem": "hidden"}, bundleIn("ConfigMap", "a.pem"),
			v1alpha1.ReasonInvalidConfigMap, []string{`ConfigMap "held"`, "key a.pem contains no certificate"}},
		{"Secret", map[string]string{"ca.crt": good["tls.key"]}, bundleIn("Secret", ""), v1alpha1.ReasonInvalidSecret,
			[]string{`Secret "held" in ` + namespace + ": key ca.crt contains something other"}},
		{"Secret", map[string]string{"tls.crt": good["tls.crt"], "tls.key": expired["tls.key"]}, certificateIn("held"),
			v1alpha1.ReasonInvalidSecret, []string{`Secret "held" in ` + namespace + ": tls.key is not the private key"}},
		{"Secret", expired, certificateIn("held"), v1alpha1.ReasonInvalidSecret,
			[]string{`Secret "held" in ` + namespace, "tls.crt expired at", "renew it"}},
	} {
		k.objects = nil
		if tc.kind != "" {
			k.holds("held", tc.kind, tc.data)
		}
		k.trust(&tc.tls)
		k.refuses(tc.reason, tc.words...)
	}
	k.trust(nil)
	k.succeeds("fixed")
}

func bundleIn(kind, key string) v1alpha1.TLS {
	return v1alpha1.TLS{CABundleRef: &v1alpha1.CABundleReference{Kind: v1alpha1.CABundleKind(kind), Name: "held",
		Key: key}}
}

func certificateIn(name string) v1alpha1.TLS {
	return v1alpha1.TLS{ClientCertificate: &v1alpha1.ClientCertificate{
		SecretRef: v1alpha1.SecretReference{Name: name}}}
}
