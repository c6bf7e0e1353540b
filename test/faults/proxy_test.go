package faults

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/pkitest"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// connectProxy is an HTTP proxy that opens tunnels for those who know its password. It resolves host names by itself.
type connectProxy struct {
	*httptest.Server
	userinfo *url.Userinfo
	routes   map[string]string // addresses by host and port

	await.State
	asked []string // hosts and ports of all requests
}

func newConnectProxy(t *testing.T, userinfo *url.Userinfo, routes map[string]string) *connectProxy {
	t.Helper()
	p := &connectProxy{userinfo: userinfo, routes: routes}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// url is what clients put into HTTPS_PROXY.
func (p *connectProxy) url(userinfo *url.Userinfo) string {
	return (&url.URL{Scheme: "http", User: userinfo, Host: p.Listener.Addr().String()}).String()
}

// ServeHTTP answers CONNECT.
func (p *connectProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.Change(func() { p.asked = append(p.asked, r.Host) })
	password, _ := p.userinfo.Password()
	known := &http.Request{Header: http.Header{}}
	known.SetBasicAuth(p.userinfo.Username(), password)
	if r.Header.Get("Proxy-Authorization") != known.Header.Get("Authorization") {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	address, ok := p.routes[r.Host]
	if r.Method != http.MethodConnect || !ok {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	upstream, err := net.Dial("tcp", address)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	connection, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = upstream.Close()
		return
	}
	go func() {
		_, _ = io.WriteString(connection, "HTTP/1.1 200 Connection established\r\n\r\n")
		_, _ = io.Copy(connection, upstream)
		_ = connection.Close()
	}()
	_, _ = io.Copy(upstream, buffered)
	_ = upstream.Close()
}

// hosts are those of all requests so far.
func (p *connectProxy) hosts() (all []string) {
	p.Look(func() { all = slices.Clone(p.asked) })
	return all
}

// noProxy returns NO_PROXY of config/manager, as the kubelet expands it for an API server.
func noProxy(t *testing.T, server string) string {
	t.Helper()
	manifest, err := os.ReadFile("../../config/manager/manager.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)- name: NO_PROXY.*\n *value: (.+)$`).FindSubmatch(manifest)
	if found == nil {
		t.Fatal("config/manager/manager.yaml has no NO_PROXY")
	}
	return "NO_PROXY=" + strings.ReplaceAll(string(found[1]), "$(KUBERNETES_SERVICE_HOST)", server)
}

// TestProxy: with HTTPS_PROXY, calls go through the proxy, which resolves the service's name, and the API server is
// called directly. Nothing that is written has the proxy's password.
func TestProxy(t *testing.T) {
	// By this address the API server is reached, too, but it is not a loopback address, which never goes to a proxy.
	const apiServer = "0.0.0.0"
	const service = "chime.corp.example:8443" // only the proxy knows it
	right, wrong := url.UserPassword("egress", "right-EXAMPLE"), url.UserPassword("egress", "wrong-EXAMPLE")
	ca := pkitest.New(t)
	s := newSecured(t, "only", &tls.Config{Certificates: []tls.Certificate{ca.Server("chime.corp.example")}})
	api, err := url.Parse(plane.Config.Host)
	if err != nil {
		t.Fatal(err)
	}
	api.Host = net.JoinHostPort(apiServer, api.Port())
	proxy := newConnectProxy(t, right, map[string]string{service: s.server.Listener.Addr().String(), api.Host: api.Host})
	s.URL = "https://" + service
	s.trust(t, v1alpha1.TLS{CABundle: ca.PEM()})
	run := func(environment ...string) *operator {
		return startWith(t, common(), binary, func(o *operatortest.Options) {
			o.Access.Host, o.Access.ServerName, o.Environment = api.String(), "127.0.0.1", environment
		}, "--log-level=debug")
	}

	refused := run("HTTPS_PROXY="+proxy.url(wrong), noProxy(t, apiServer))
	waiting := s.unreachable(t, "the proxy asks for a user and password")
	s.neverWritten(t, refused, "wrong-EXAMPLE")
	refused.Kill()

	good := run("HTTPS_PROXY="+proxy.url(right), noProxy(t, apiServer))
	s.verify(t, waiting)
	s.verify(t, s.create(t, 3)...)
	s.neverWritten(t, good, "right-EXAMPLE")
	good.Kill()
	if hosts := slices.Compact(proxy.hosts()); !slices.Equal(hosts, []string{service}) {
		t.Errorf("the proxy was asked for %q", hosts)
	}

	run("HTTPS_PROXY="+proxy.url(right), "NO_PROXY=") // to see that this test would notice
	proxy.Await(t, "the API server at the proxy", func() bool { return slices.Contains(proxy.asked, api.Host) })
}
