// Package manifests checks the manifests that users install, config/default and its additions: with common checkers,
// and against a real API server with the operator at work as a process under its own RBAC.
package manifests

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/gotool"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

const account = "account" // of all users

var (
	root        string // of the repository
	installed   *suite.Cluster
	plane       *controlplane.ControlPlane
	admin       client.WithWatch
	service     *chimetest.Server
	credentials = aws.Credentials{AccessKeyID: "AKIDMANIFESTS", SecretAccessKey: "secret"}
)

func TestMain(m *testing.M) {
	service = chimetest.NewServer(chimetest.Options{Credentials: []aws.Credentials{credentials}})
	suite.Suite{Audit: true, Prepare: prepare, Finish: func() error { service.Close(); return nil }}.Main(m)
}

func prepare(ctx context.Context, c *suite.Cluster) (err error) {
	installed, plane, admin = c, c.ControlPlane, c.Admin
	if root, err = gotool.ModuleRoot(ctx); err != nil {
		return err
	}
	return c.Apply(ctx, operatortest.Manifests(
		operatortest.Tenant("tenant", true),
		operatortest.Secret("credentials", credentials),
		operatortest.DefaultProvider(service.URL, 10, 5)))
}

// render returns the objects of a folder of config/.
func render(t *testing.T, folder string) []byte {
	t.Helper()
	rendered, err := controlplane.Kustomize(filepath.Join(root, "config", folder))
	if err != nil {
		t.Fatal(err)
	}
	return rendered
}
