package kratos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/controlplane"
	"github.com/logout-operator/logout-operator/test/gotool"
	"github.com/logout-operator/logout-operator/test/operatortest"
)

var (
	plane    *controlplane.ControlPlane
	cluster  client.WithWatch
	access   *rest.Config // of the operator's ServiceAccount
	operator string       // the program
	kratos   string       // likewise
)

func TestMain(m *testing.M) {
	os.Exit(controlplane.Main(suite{m}, controlplane.Options{}, func(cp *controlplane.ControlPlane) { plane = cp }))
}

// suite builds the programs and installs the operator before the tests.
type suite struct{ tests *testing.M }

func (s suite) Run() int {
	dir, err := os.MkdirTemp("", "kratos-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		err = prepare(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return s.tests.Run()
}

func prepare(ctx context.Context, dir string) error {
	ctrl.SetLogger(logr.Discard())
	operator, kratos = filepath.Join(dir, "logout-operator"), filepath.Join(dir, "kratos")
	if err := errors.Join(buildKratos(ctx), operatortest.Build(ctx, operator, false), operatortest.Install(ctx, plane)); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	var err error
	if access, err = plane.ServiceAccountConfig(ctx, operatortest.Namespace, operatortest.Account); err != nil {
		return err
	}
	cluster, err = client.NewWithWatch(plane.Config, client.Options{Scheme: scheme})
	return err
}

// buildKratos compiles the Kratos that hack/kratos pins. The go command keeps what it compiled, but for the last step.
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
