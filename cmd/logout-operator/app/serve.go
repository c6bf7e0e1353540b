package app

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/client-go/util/cert"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// These are the bounds of both servers. Anybody who reaches the Pod can connect to them, and the servers of
// controller-runtime take a MiB of header on each connection, without a limit of connections.
const (
	// maxHeader is the largest header of a request, in bytes; net/http adds 4 KiB to the value that it is given.
	maxHeader = 16 << 10
	// maxConnections is how many connections one server has at a time.
	maxConnections = 100
	// requestTimeout bounds reading a request, and answerTimeout writing the response, including the review of the
	// caller.
	requestTimeout = 5 * time.Second
	answerTimeout  = 30 * time.Second
	// idleTimeout is longer than the usual pause between two scrapes.
	idleTimeout = 90 * time.Second
)

// serverAt returns a server for an address, with TLS if config is not nil.
func serverAt(name, address string, config *tls.Config, handler http.Handler) (*manager.Server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &manager.Server{
		Name: name, Listener: listener, ShutdownTimeout: ptr.To(requestTimeout),
		Server: &http.Server{
			Handler:           handler,
			Protocols:         protocols,
			MaxHeaderBytes:    maxHeader - 4<<10,
			ReadHeaderTimeout: requestTimeout,
			ReadTimeout:       requestTimeout,
			WriteTimeout:      answerTimeout,
			IdleTimeout:       idleTimeout,
			ConnState:         new(connections).changed,
		},
	}, nil
}

// connections holds the open connections of a server. If there are too many, the oldest is closed. If new ones had to
// wait instead, one client could hold them all and block the kubelet's probes, and the kubelet would kill the process.
type connections struct {
	mu  sync.Mutex
	all []net.Conn // in order of arrival
}

// changed is the ConnState hook of an http.Server.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		if len(c.all) == maxConnections {
			cut(c.all[0])
			c.all = slices.Delete(c.all, 0, 1)
		}
		c.all = append(c.all, conn)
	case http.StateClosed, http.StateHijacked:
		if i := slices.Index(c.all, conn); i >= 0 {
			c.all = slices.Delete(c.all, i, i+1)
		}
	}
}

// cut closes a connection without TLS's closing message, which could block on a client that does not read.
func cut(conn net.Conn) {
	if over, ok := conn.(*tls.Conn); ok {
		conn = over.NetConn()
	}
	_ = conn.Close() // it may be closed already
}

// withMetrics adds the metrics server to a manager.
func withMetrics(mgr ctrl.Manager, address string) error {
	if address == "0" {
		return nil
	}
	filter, err := authorizedOnly(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return err
	}
	handler, err := filter(mgr.GetLogger().WithName("metrics"), promhttp.HandlerFor(
		metrics.Registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}))
	if err != nil {
		return err
	}
	// Scrapers do not verify the certificate; it is for encryption only.
	chain, key, err := cert.GenerateSelfSignedCertKeyWithFixtures("localhost", []net.IP{{127, 0, 0, 1}}, nil, "")
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", handler)
	s, err := serverAt("metrics", address, &tls.Config{
		Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12,
	}, mux)
	if err != nil {
		return err
	}
	return mgr.Add(s)
}

// probed is a manager whose checks are served by a server of this package.
type probed struct {
	ctrl.Manager
	live, ready healthz.Handler
}

// withProbes adds the server of the probes to a manager. Add checks to the manager that it returns.
func withProbes(mgr ctrl.Manager, address string) (ctrl.Manager, error) {
	none := func() healthz.Handler { return healthz.Handler{Checks: map[string]healthz.Checker{}} }
	p := &probed{mgr, none(), none()}
	if address == "0" {
		return p, nil
	}
	mux := http.NewServeMux()
	for path, handler := range map[string]http.Handler{"/healthz": &p.live, "/readyz": &p.ready} {
		mux.Handle(path, http.StripPrefix(path, handler))
		mux.Handle(path+"/", http.StripPrefix(path, handler)) // single checks
	}
	s, err := serverAt("health probe", address, nil, mux)
	if err != nil {
		return nil, err
	}
	return p, mgr.Add(s)
}

// AddHealthzCheck implements manager.Manager. It may be called until the manager is started.
func (p *probed) AddHealthzCheck(name string, check healthz.Checker) error {
	p.live.Checks[name] = check
	return nil
}

// AddReadyzCheck implements manager.Manager. It may be called until the manager is started.
func (p *probed) AddReadyzCheck(name string, check healthz.Checker) error {
	p.ready.Checks[name] = check
	return nil
}
