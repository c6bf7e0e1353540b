// Package suite runs the tests of a package on a control plane of their own, with the operator installed as users
// install it, and operators that end with their test.
//
//	var cluster *suite.Cluster
//
//	func TestMain(m *testing.M) {
//		suite.Suite{Prepare: func(_ context.Context, c *suite.Cluster) error { cluster = c; return nil }}.Main(m)
//	}
//
//	func TestSomething(t *testing.T) {
//		o := suite.Start(t, operatortest.Options{Binary: cluster.Binary, Access: cluster.Access})
//		// ...
//	}
package suite

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

var (
	full = flag.Bool("full", false,
		"run in full, with the sizes that the documentation's figures have, and assert durations, too")
	operator = flag.String("operator", "", "the operator's executable, to use in place of one that is built")
)

// Full reports whether the tests run in full. It is valid after [Suite.Main] has begun.
func Full() bool { return *full }

// Either returns short in the short form of a suite, and inFull in the full one.
func Either[T any](short, inFull T) T {
	if *full {
		return inFull
	}
	return short
}

// Cluster is a control plane with config/default installed, and an operator's executable, for all tests of a package.
type Cluster struct {
	*controlplane.ControlPlane
	// Dir is a folder that is removed after the tests.
	Dir string
	// Binary is the operator's executable.
	Binary string
	// Access is the access of the operator's ServiceAccount.
	Access *rest.Config
	// Admin is a client that may do everything. Its scheme has Kubernetes' own types and the operator's.
	Admin client.WithWatch
	// Scraper is a token that may read the operator's metrics.
	Scraper string
	// AuditLog is the file in which the API server logs all requests; empty if it does not.
	AuditLog string
}

// Suite is the setup of a package's tests in addition to a Cluster.
type Suite struct {
	// Race builds the operator with the race detector.
	Race bool
	// Audit makes the API server log all requests.
	Audit bool
	// Prepare, if not nil, runs before the tests; if it returns an error, they do not run.
	Prepare func(context.Context, *Cluster) error
	// Finish, if not nil, runs after the tests; an error from it fails the package.
	Finish func() error
}

// Main runs the tests of a package and exits. Call it from TestMain.
func (s Suite) Main(m *testing.M) {
	flag.Parse()
	ctrl.SetLogger(logr.Discard()) // of the clients in this process
	dir, err := os.MkdirTemp("", "suite-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	c := &Cluster{Dir: dir, Binary: *operator}
	if s.Audit {
		c.AuditLog = filepath.Join(dir, "audit.log")
	}
	code := controlplane.Main(run(func() int { return s.run(m, c) }), controlplane.Options{AuditLog: c.AuditLog},
		func(cp *controlplane.ControlPlane) { c.ControlPlane = cp })
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

type run func() int

func (r run) Run() int { return r() }

func (s Suite) run(m *testing.M, c *Cluster) int {
	code := 1
	err := c.prepare(context.Background(), s)
	if err == nil {
		code = m.Run()
		if s.Finish != nil {
			err = s.Finish()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func (c *Cluster) prepare(ctx context.Context, s Suite) (err error) {
	if c.Binary == "" {
		c.Binary = filepath.Join(c.Dir, "logout-operator")
		if err := operatortest.Build(ctx, c.Binary, s.Race); err != nil {
			return err
		}
	}
	if err := operatortest.Install(ctx, c.ControlPlane); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	if c.Access, err = c.ServiceAccountConfig(ctx, operatortest.Namespace, operatortest.Account); err != nil {
		return err
	}
	if c.Admin, err = client.NewWithWatch(c.Config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	if err := c.Apply(ctx, operatortest.Manifests(operatortest.Tenant("monitoring", false),
		operatortest.Scraper("monitoring", "prometheus"))); err != nil {
		return err
	}
	reader, err := c.ServiceAccountConfig(ctx, "monitoring", "prometheus")
	if err != nil {
		return err
	}
	if c.Scraper = reader.BearerToken; s.Prepare == nil {
		return nil
	}
	return s.Prepare(ctx, c)
}
