package overload

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/await"
	"github.com/logout-operator/logout-operator/test/controlplane"
	"github.com/logout-operator/logout-operator/test/figures"
	"github.com/logout-operator/logout-operator/test/operatortest"
)

var full = flag.Bool("full", false, "run the full sizes, which takes about an hour, and assert durations, too")

// either is the size of something in the small form and in the full one.
func either[T any](small, inFull T) T {
	if *full {
		return inFull
	}
	return small
}

var (
	plane       *controlplane.ControlPlane
	scheme      = runtime.NewScheme()
	admin       client.WithWatch
	binary      string       // the operator
	access      *rest.Config // of the operator's ServiceAccount
	credentials = aws.Credentials{AccessKeyID: "AKIDOVERLOAD", SecretAccessKey: "secret"}
)

func TestMain(m *testing.M) {
	flag.Parse()
	await.Patience = either(2*time.Minute, 15*time.Minute) // ten thousand objects take minutes
	os.Exit(controlplane.Main(suite{m}, controlplane.Options{}, func(cp *controlplane.ControlPlane) { plane = cp }))
}

// suite prepares what all tests share, runs them, and prints what they have measured.
type suite struct{ tests *testing.M }

func (s suite) Run() int {
	dir, err := os.MkdirTemp("", "overload-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		err = s.prepare(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := s.tests.Run()
	if *full {
		figures.Print(os.Stdout)
	}
	return code
}

func (suite) prepare(ctx context.Context, dir string) error {
	ctrl.SetLogger(logr.Discard()) // of the informers in this process
	binary = filepath.Join(dir, "logout-operator")
	if err := operatortest.Build(ctx, binary, false); err != nil {
		return err
	}
	if err := operatortest.Install(ctx, plane); err != nil {
		return err
	}
	if err := plane.Apply(ctx, []byte(operatortest.Secret("credentials", credentials))); err != nil {
		return err
	}
	var err error
	if access, err = plane.ServiceAccountConfig(ctx, operatortest.Namespace, operatortest.Account); err != nil {
		return err
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	admin, err = client.NewWithWatch(plane.Config, client.Options{Scheme: scheme})
	return err
}
