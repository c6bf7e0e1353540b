package soak

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// operator runs in one process after the other.
type operator struct {
	access  *rest.Config
	flags   []string
	printed operatortest.Log

	mu      sync.Mutex
	process *operatortest.Process
}

// newOperator returns an operator that reaches the API server only through the proxy. It has not started.
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
	p, err := operatortest.Start(operatortest.Options{Binary: executable, Access: o.access, Flags: o.flags,
		Metrics: true, Log: &o.printed})
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

// kill ends the process with SIGKILL, and returns the time from the signal to the end.
func (o *operator) kill() death {
	d := death{from: time.Now()}
	if p := o.now(); p != nil {
		p.Kill()
	}
	d.to = time.Now()
	return d
}

// terminate ends the process with SIGTERM and waits up to 30 seconds, as Kubernetes does.
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

// goroutines returns their number, or 0 if the operator does not report it: it asks the API server to review the token.
func (o *operator) goroutines(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	n, err := o.now().Gauge(ctx, cluster.Scraper, "go_goroutines")
	if err != nil {
		return 0
	}
	return int(n)
}
