package kratos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/gotool"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

var (
	plane   *controlplane.ControlPlane
	cluster *suite.Cluster
	kratos  string // the path of the program
)

func TestMain(m *testing.M) {
	suite.Suite{Prepare: func(ctx context.Context, c *suite.Cluster) error {
		plane, cluster, kratos = c.ControlPlane, c, filepath.Join(c.Dir, "kratos")
		return buildKratos(ctx)
	}}.Main(m)
}

// buildKratos compiles the Kratos that hack/kratos pins. The go command caches everything but the last step.
func buildKratos(ctx context.Context) error {
	root, err := gotool.ModuleRoot(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "building Ory Kratos (minutes the first time)")
	_, err = gotool.Run(ctx, filepath.Join(root, "hack", "kratos"), "build", "-tags=sqlite,json1", "-ldflags=-s -w",
		"-o", kratos, "github.com/ory/kratos")
	return err
}
