package soak

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/logout-operator/logout-operator/test/apiproxy"
	"github.com/logout-operator/logout-operator/test/operatortest"
)

// operator is one process after the other.
type operator struct {
	access  *rest.Config
	flags   []string
	address string // of its metrics
	token   string // of who may read them
	printed tail

	mu      sync.Mutex
	process *operatortest.Process
}

// newOperator returns an operator that reaches the API server by the proxy only. It has not started.
func newOperator(t *testing.T, api *apiproxy.Proxy, flags ...string) *operator {
	t.Helper()
	access, err := plane.ServiceAccountConfig(t.Context(), operatortest.Namespace, operatortest.Account)
	if err != nil {
		t.Fatal(err)
	}
	access.Host, access.CAData = api.URL, api.CA
	scraper, err := plane.ServiceAccountConfig(t.Context(), "monitoring", "prometheus")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close() // for the operator
	o := &operator{access: access, address: l.Addr().String(), token: scraper.BearerToken}
	o.flags = append([]string{"--log-level=warn", "--metrics-bind-address=" + o.address}, flags...)
	t.Cleanup(func() {
		o.kill()
		if o.printed.races() > 0 {
			t.Error("the operator has a data race")
		}
		if t.Failed() {
			t.Logf("the operator printed at last:\n%s", o.printed.text)
		}
	})
	return o
}

func (o *operator) start(executable string) error {
	p, err := operatortest.Start(operatortest.Options{Binary: executable, Access: o.access, Flags: o.flags, Log: &o.printed})
	o.mu.Lock()
	defer o.mu.Unlock()
	o.process = p
	return err
}

func (o *operator) now() *operatortest.Process {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.process
}

// kill ends the process by SIGKILL, and says from when to when it died.
func (o *operator) kill() death {
	d := death{from: time.Now()}
	if p := o.now(); p != nil {
		p.Kill()
	}
	d.to = time.Now()
	return d
}

// terminate ends the process by SIGTERM, as Kubernetes does, which waits for 30 seconds.
func (o *operator) terminate() error {
	p := o.now()
	if err := p.Terminate(); err != nil {
		return err
	}
	select {
	case <-p.Exited():
	case <-time.After(30 * time.Second):
		return fmt.Errorf("the operator had not ended 30 s after SIGTERM")
	}
	if code := p.ExitCode(); code != 0 {
		return fmt.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	return nil
}

// goroutines returns how many there are, or 0 if the operator does not say: it has the API server review who asks.
func (o *operator) goroutines(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	families, err := operatortest.Scrape(ctx, o.address, o.token)
	if err != nil {
		return 0
	}
	for _, m := range families["go_goroutines"].GetMetric() {
		return int(m.GetGauge().GetValue())
	}
	return 0
}

// tail keeps the end of what is written to it, and counts the data races.
type tail struct {
	mu   sync.Mutex
	text []byte
	race int
}

// tailSize in bytes.
const tailSize = 16 << 10

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.race += bytes.Count(p, []byte("DATA RACE"))
	l.text = append(l.text, p...)
	l.text = l.text[max(0, len(l.text)-tailSize):]
	return len(p), nil
}

func (l *tail) races() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.race
}
