package soak

import (
	"context"
	"fmt"
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
	printed operatortest.Log

	mu      sync.Mutex
	process *operatortest.Process
}

// newOperator returns an operator that reaches the API server by the proxy only. It has not started.
func newOperator(t *testing.T, api *apiproxy.Proxy, flags ...string) *operator {
	t.Helper()
	access := rest.CopyConfig(cluster.Access)
	access.Host, access.CAData = api.URL, api.CA
	o := &operator{access: access, flags: append([]string{"--log-level=warn"}, flags...)}
	t.Cleanup(func() {
		o.kill()
		o.printed.Judge(t)
	})
	return o
}

func (o *operator) start(executable string) error {
	p, err := operatortest.Start(operatortest.Options{Binary: executable, Access: o.access, Flags: o.flags, Metrics: true, Log: &o.printed})
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
	n, err := o.now().Gauge(ctx, cluster.Scraper, "go_goroutines")
	if err != nil {
		return 0
	}
	return int(n)
}
