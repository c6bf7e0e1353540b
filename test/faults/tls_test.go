package faults

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/pkitest"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// secured is an endpoint whose service speaks TLS.
type secured struct {
	*endpoint
	server *httptest.Server

	mu     sync.Mutex
	client string // the name in the certificate of the last call
}

// newSecured creates one of several endpoints of a test, with its Secret. Its provider has no spec.tls.
func newSecured(t *testing.T, name string, config *tls.Config) *secured {
	t.Helper()
	service := chimetest.New(chimetest.Options{Credentials: validKeys[:1]})
	s := &secured{endpoint: &endpoint{Server: service, on: common(), provider: nameFor(t, 0) + "-" + name,
		limit: unlimited}}
	s.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if certificates := r.TLS.PeerCertificates; len(certificates) > 0 {
			s.mu.Lock()
			s.client = certificates[0].Subject.CommonName
			s.mu.Unlock()
		}
		service.ServeHTTP(w, r)
	}))
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0) // do not log handshakes that fail
	s.server.TLS = config
	s.server.StartTLS()
	t.Cleanup(s.server.Close)
	service.URL = s.server.URL
	s.serve(t)
	s.sign(t, validKeys[0])
	return s
}

// trust sets spec.tls.
func (s *secured) trust(t *testing.T, settings v1alpha1.TLS) {
	t.Helper()
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	s.on.apply(t, fmt.Sprintf(endpointManifest, s.provider, s.URL, s.limit.perSecond, s.limit.burst)+
		"  tls: "+string(text))
}

// hold writes a ConfigMap or Secret that spec.tls references. Its name is that of the provider, with -tls.
func (s *secured) hold(t *testing.T, kind string, data map[string]string) {
	t.Helper()
	field := "data"
	if kind == "Secret" {
		field = "stringData"
	}
	text, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	s.on.apply(t, fmt.Sprintf("{apiVersion: v1, kind: %s, metadata: {namespace: %s, name: %s}, %s: %s}", kind,
		operatortest.Namespace, s.holder(), field, text))
}

func (s *secured) holder() string { return s.provider + "-tls" }

// unreachable creates an object whose attempt must fail, with the words in the message.
func (s *secured) unreachable(t *testing.T, words string) *v1alpha1.UserLogout {
	t.Helper()
	obj := s.create(t, 1)[0]
	s.awaitStatus(t, obj, words, func(status v1alpha1.UserLogoutStatus) bool {
		ready := readyOf(status)
		return ready.Reason == v1alpha1.ReasonEndpointUnreachable && strings.Contains(ready.Message, words)
	})
	return obj
}

// TestPrivateCA: a service with a certificate of a private CA can be called once the provider has that CA, which
// replaces those of the system. A changed ConfigMap counts at once.
func TestPrivateCA(t *testing.T) {
	system, private, other := pkitest.New(t), pkitest.New(t), pkitest.New(t)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, []byte(system.PEM()), 0o600); err != nil {
		t.Fatal(err)
	}
	startWith(t, common(), binary, func(o *operatortest.Options) {
		o.Environment = []string{"SSL_CERT_FILE=" + roots, "SSL_CERT_DIR=" + filepath.Dir(roots) + "/none"}
	})
	const untrusted = "TLS: certificate signed by unknown authority"
	of := func(ca *pkitest.CA) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{ca.Server("127.0.0.1")}}
	}

	public := newSecured(t, "public", of(system))
	public.verify(t, public.create(t, 1)...)
	public.trust(t, v1alpha1.TLS{CABundle: private.PEM()})
	replaced := public.unreachable(t, untrusted)

	own := newSecured(t, "private", of(private))
	waiting := own.unreachable(t, untrusted)
	own.trust(t, v1alpha1.TLS{CABundle: private.PEM()})
	own.verify(t, waiting)

	own.trust(t, v1alpha1.TLS{CABundleRef: &v1alpha1.CABundleReference{Kind: v1alpha1.CABundleKindConfigMap,
		Name: own.holder()}})
	own.awaitProvider(t, metav1.ConditionFalse, v1alpha1.ReasonInvalidConfigMap)
	own.hold(t, "ConfigMap", map[string]string{"ca.crt": other.PEM()})
	own.awaitProvider(t, metav1.ConditionTrue, v1alpha1.ReasonAvailable)
	waiting = own.unreachable(t, untrusted)
	own.hold(t, "ConfigMap", map[string]string{"ca.crt": other.PEM() + private.PEM()})
	own.verify(t, waiting)

	public.trust(t, v1alpha1.TLS{CABundle: private.PEM() + system.PEM()})
	public.verify(t, replaced)
}

// TestClientCertificate: a service that requires client certificates can be called once the provider has one, and the
// operator uses a renewed one at once. Nothing that is written has the private key.
func TestClientCertificate(t *testing.T) {
	o := start(t, common(), binary, "--log-level=debug")
	ca, clients, next := pkitest.New(t), pkitest.New(t), pkitest.New(t)
	var accepted atomic.Pointer[x509.CertPool]
	accepted.Store(clients.Pool())
	base := &tls.Config{Certificates: []tls.Certificate{ca.Server("127.0.0.1")},
		ClientAuth: tls.RequireAndVerifyClientCert}
	config := base.Clone()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		now := base.Clone()
		now.ClientCAs = accepted.Load()
		return now, nil
	}
	s := newSecured(t, "only", config)
	s.trust(t, v1alpha1.TLS{CABundle: ca.PEM()})
	waiting := s.unreachable(t, "the endpoint asks for a client certificate, and the provider names none")

	s.trust(t, v1alpha1.TLS{CABundle: ca.PEM(), ClientCertificate: &v1alpha1.ClientCertificate{
		SecretRef: v1alpha1.SecretReference{Name: s.holder()}}})
	s.awaitProvider(t, metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound)
	in := time.Now().Add(time.Hour)
	first, stranger, renewed := clients.Client("first", in), next.Client("stranger", in), next.Client("renewed", in)
	s.hold(t, "Secret", map[string]string{"tls.crt": first["tls.crt"], "tls.key": stranger["tls.key"]})
	s.awaitProvider(t, metav1.ConditionFalse, v1alpha1.ReasonInvalidSecret)
	s.hold(t, "Secret", first)
	s.verify(t, waiting)
	s.calledBy(t, "first")

	// The service stops accepting the CA of the first.
	accepted.Store(next.Pool())
	s.server.CloseClientConnections()
	waiting = s.unreachable(t, "the endpoint asked for the client certificate and may not accept it")
	s.hold(t, "Secret", renewed)
	s.verify(t, waiting)
	s.verify(t, s.create(t, 3)...)
	s.calledBy(t, "renewed")
	for _, secret := range []map[string]string{first, stranger, renewed} {
		const known = 48 // characters at the begin of every key of this type
		_, key, _ := strings.Cut(secret["tls.key"], "\n")
		s.neverWritten(t, o, key[known:known+16])
	}
}

func (s *secured) calledBy(t *testing.T, name string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != name {
		t.Errorf("the last call came from %q, want %q", s.client, name)
	}
}

// neverWritten fails the test if a secret is in the operator's log or metrics, or in anything of the API server that
// people read.
func (s *secured) neverWritten(t *testing.T, o *operator, secret string) {
	t.Helper()
	families, err := operatortest.Scrape(context.WithoutCancel(t.Context()), o.Metrics, installed.Scraper)
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]string{"the log": o.Log.Tail(o.Log.Size()), "metrics": fmt.Sprint(families)}
	for _, list := range []client.ObjectList{&v1alpha1.UserLogoutList{}, &v1alpha1.ClusterLogoutProviderList{},
		&eventsv1.EventList{}, &corev1.EventList{}} {
		if err := s.on.admin.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		written[fmt.Sprintf("%T", list)] = string(text)
	}
	for where, text := range written {
		if strings.Contains(text, secret) {
			t.Errorf("%s has a secret", where)
		}
		if text == "" {
			t.Errorf("%s is empty", where)
		}
	}
}
