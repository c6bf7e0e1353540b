// Package manifests checks what users install, config/default and what goes on top of it: by the checkers of the field,
// and against a real API server with the operator at work as a process under its own RBAC.
package manifests

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/controlplane"
	"github.com/logout-operator/logout-operator/test/gotool"
	"github.com/logout-operator/logout-operator/test/operatortest"
)

const account = "account" // of all users

var (
	root        string // of the repository
	plane       *controlplane.ControlPlane
	auditLog    string
	admin       client.WithWatch
	service     *chimetest.Server
	binary      string // the operator
	credentials = aws.Credentials{AccessKeyID: "AKIDMANIFESTS", SecretAccessKey: "secret"}
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "manifests-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	auditLog = filepath.Join(dir, "audit.log")
	code := controlplane.Main(suite{m, dir}, controlplane.Options{AuditLog: auditLog}, func(cp *controlplane.ControlPlane) { plane = cp })
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// suite prepares what all tests share.
type suite struct {
	tests *testing.M
	dir   string
}

func (s suite) Run() int {
	service = chimetest.NewServer(chimetest.Options{Credentials: []aws.Credentials{credentials}})
	defer service.Close()
	if err := s.prepare(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return s.tests.Run()
}

func (s suite) prepare(ctx context.Context) (err error) {
	ctrl.SetLogger(logr.Discard())
	if root, err = gotool.ModuleRoot(ctx); err != nil {
		return err
	}
	binary = filepath.Join(s.dir, "logout-operator")
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	admin, err = client.NewWithWatch(plane.Config, client.Options{Scheme: scheme})
	return errors.Join(err,
		operatortest.Build(ctx, binary, false),
		operatortest.Install(ctx, plane),
		plane.Apply(ctx, operatortest.Manifests(
			operatortest.Tenant("tenant", true),
			operatortest.Secret("credentials", credentials),
			operatortest.DefaultProvider(service.URL, 10, 5))))
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
