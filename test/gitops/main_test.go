package gitops

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/controlplane"
	"github.com/logout-operator/logout-operator/test/gitops/verdict"
	"github.com/logout-operator/logout-operator/test/operatortest"
)

const (
	namespace = "security" // of all UserLogouts, here and in the examples
	account   = "12a3456b-7c89-012d-3456-78901e23fg45"
)

var (
	update = flag.Bool("update", false, "record the objects of every state in testdata")

	plane       *controlplane.ControlPlane
	admin       client.WithWatch // knows no types, so that objects come as they are stored
	kubeconfig  string           // the administrator's, as a file
	binary      string           // the operator
	access      *rest.Config     // of the operator's ServiceAccount
	scripts     map[string]string
	credentials = aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(controlplane.Main(suite{m}, controlplane.Options{}, func(cp *controlplane.ControlPlane) { plane = cp }))
}

// suite prepares what all tests share, and runs them. Each starts an operator of its own.
type suite struct{ tests *testing.M }

func (s suite) Run() int {
	dir, err := os.MkdirTemp("", "gitops-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		err = s.prepare(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return s.tests.Run()
}

func (suite) prepare(ctx context.Context, dir string) (err error) {
	ctrl.SetLogger(logr.Discard())
	if scripts, err = verdict.Scripts(ctx); err != nil {
		return err
	}
	kubeconfig = filepath.Join(dir, "kubeconfig")
	binary = filepath.Join(dir, "logout-operator")
	if err := errors.Join(
		os.WriteFile(kubeconfig, plane.Kubeconfig, 0o600),
		operatortest.Build(ctx, binary, false),
		operatortest.Install(ctx, plane),
	); err != nil {
		return err
	}
	found := operatortest.Manifests(operatortest.Tenant(namespace, true), operatortest.Secret("chime-credentials", credentials))
	if err := plane.Apply(ctx, found); err != nil {
		return err
	}
	if access, err = plane.ServiceAccountConfig(ctx, operatortest.Namespace, operatortest.Account); err != nil {
		return err
	}
	admin, err = client.NewWithWatch(plane.Config, client.Options{})
	return err
}

// newService returns a fake service that ends with the test.
func newService(t *testing.T, known ...aws.Credentials) *chimetest.Server {
	s := chimetest.NewServer(chimetest.Options{Credentials: known})
	t.Cleanup(s.Close)
	return s
}
