package gitops

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/gitops/verdict"
	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

const (
	namespace = "security" // of all UserLogouts, here and in the examples
	account   = "12a3456b-7c89-012d-3456-78901e23fg45"
)

var (
	update = flag.Bool("update", false, "record the objects of every state in testdata")

	cluster     *suite.Cluster
	plane       *controlplane.ControlPlane
	admin       client.WithWatch // has no types, so that objects appear as they are stored
	kubeconfig  string           // the administrator's, as a file
	scripts     map[string]string
	credentials = aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
)

// Each test starts an operator of its own.
func TestMain(m *testing.M) { suite.Suite{Prepare: prepare}.Main(m) }

func prepare(ctx context.Context, c *suite.Cluster) (err error) {
	cluster, plane, kubeconfig = c, c.ControlPlane, filepath.Join(c.Dir, "kubeconfig")
	if scripts, err = verdict.Scripts(ctx); err != nil {
		return err
	}
	if err := os.WriteFile(kubeconfig, plane.Kubeconfig, 0o600); err != nil {
		return err
	}
	found := operatortest.Manifests(operatortest.Tenant(namespace, true),
		operatortest.Secret("chime-credentials", credentials))
	if err := plane.Apply(ctx, found); err != nil {
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
