package soak

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/await"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/controlplane"
	"github.com/logout-operator/logout-operator/test/operatortest"
)

var (
	length = flag.Duration("for", 10*time.Second, "how long to run, without the start and until all has finished; from 5m on, growth is asserted")
	seed   = flag.Uint64("seed", 0, "seed of what comes by chance; 0 for one by chance")
	out    = flag.String("out", "", "a file to write the record to")
)

const (
	tenant  = "soak"    // the namespace of all UserLogouts
	account = "account" // the account of all users
)

var (
	plane   *controlplane.ControlPlane
	scheme  = runtime.NewScheme()
	admin   client.Client // goes past the proxy
	service *chimetest.Server
	// The operator, and one with the race detector for when memory is not looked at.
	binary, raceBinary string
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "soak-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	await.Patience = 5 * time.Minute // beside other work
	code := controlplane.Main(suite{m, dir}, controlplane.Options{}, func(cp *controlplane.ControlPlane) { plane = cp })
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// suite prepares what the tests need, and runs them.
type suite struct {
	tests *testing.M
	dir   string
}

func (s suite) Run() int {
	ctrl.SetLogger(logr.Discard()) // of the informers in this process
	if err := s.prepare(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return s.tests.Run()
}

func (s suite) prepare(ctx context.Context) error {
	binary, raceBinary = filepath.Join(s.dir, "logout-operator"), filepath.Join(s.dir, "logout-operator-race")
	err := errors.Join(operatortest.Build(ctx, binary, false), operatortest.Build(ctx, raceBinary, true))
	if err != nil {
		return err
	}
	if err := operatortest.Install(ctx, plane); err != nil {
		return err
	}
	found := operatortest.Manifests(
		operatortest.Tenant(tenant, true),
		operatortest.Tenant("monitoring", false),
		operatortest.Scraper("monitoring", "prometheus"),
	)
	if err := plane.Apply(ctx, found); err != nil {
		return err
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	admin, err = client.New(plane.Config, client.Options{Scheme: scheme})
	return err
}

// newService has the provider use a service of its own, and its objects be gone with the test: each run begins alike.
func newService(t *testing.T) {
	t.Helper()
	service = chimetest.NewServer(chimetest.Options{Credentials: []aws.Credentials{keyOf(0)}})
	t.Cleanup(service.Close)
	found := operatortest.Manifests(operatortest.Secret("credentials", keyOf(0)), operatortest.DefaultProvider(service.URL, 100, 20))
	if err := plane.Apply(t.Context(), found); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), await.Patience)
		defer cancel()
		// One request may not live to see the end of thousands.
		for admin.DeleteAllOf(ctx, &v1alpha1.UserLogout{}, client.InNamespace(tenant)) != nil {
			if ctx.Err() != nil {
				t.Error("the objects could not be deleted")
				return
			}
		}
	})
}

// keyOf is the n-th key that the service accepts.
func keyOf(n int) aws.Credentials {
	return aws.Credentials{AccessKeyID: fmt.Sprintf("AKIDSOAK%d", n), SecretAccessKey: fmt.Sprintf("secret-%d", n)}
}
