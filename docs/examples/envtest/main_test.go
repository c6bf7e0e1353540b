package offboard

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

var (
	cluster *envtest.Environment
	c       client.WithWatch
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run starts an API server, with the kinds of logout-operator, for all tests. Where the
// programs are is in KUBEBUILDER_ASSETS.
func run(m *testing.M) int {
	crds, err := crdDirectory()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cluster = &envtest.Environment{CRDDirectoryPaths: []string{crds}, ErrorIfCRDPathMissing: true}
	defer func() { _ = cluster.Stop() }() // the tests are over
	config, err := cluster.Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	if c, err = client.NewWithWatch(config, client.Options{Scheme: scheme}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// crdDirectory is where the go command keeps the CRDs of the version in go.mod.
func crdDirectory() (string, error) {
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/logout-operator/logout-operator").Output()
	return filepath.Join(strings.TrimSpace(string(module)), "config", "crd", "bases"), err
}

// newNamespace returns the name of a namespace for one test.
func newNamespace(t *testing.T) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "offboard-"}}
	create(t, namespace)
	return namespace.Name
}

func create(t *testing.T, obj client.Object) {
	t.Helper()
	if err := c.Create(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
}
