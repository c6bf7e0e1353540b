// Package chart tests charts/logout-operator with the Helm that hack/helm pins: what it renders, what it rejects, and
// how installing, upgrading and uninstalling it changes a real API server.
package chart_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/gotool"
)

const (
	// root is the project's folder, chart the chart's.
	root  = "../.."
	chart = root + "/charts/logout-operator"
	// release and namespace make the chart render the same objects as config/.
	release   = "logout-operator"
	namespace = "logout-operator-system"
)

var (
	plane *controlplane.ControlPlane
	// program is Helm, home the folder that it may write to.
	program, home string
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if home, err = os.MkdirTemp("", "helm-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(home) }()
	// With -n, go builds the tool, keeps it in the cache and prints its path.
	if program, err = gotool.Run(context.Background(), root, "tool", "-modfile=hack/helm/go.mod", "-n",
		"helm"); err != nil {
		fmt.Fprintln(os.Stderr, "building Helm:", err)
		return 1
	}
	return controlplane.Main(m, controlplane.Options{}, func(cp *controlplane.ControlPlane) {
		plane = cp
		if err := os.WriteFile(filepath.Join(home, "kubeconfig"), cp.Kubeconfig, 0o600); err != nil {
			panic(err)
		}
	})
}

// helm runs Helm as the cluster's administrator and returns its output. The error contains the error output.
func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(),
		"KUBECONFIG="+filepath.Join(home, "kubeconfig"),
		"HELM_CACHE_HOME="+filepath.Join(home, "cache"),
		"HELM_CONFIG_HOME="+filepath.Join(home, "config"),
		"HELM_DATA_HOME="+filepath.Join(home, "data"))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("helm %s: %w\n%s", args[0], err, stderr.String())
	}
	return stdout.String(), nil
}

func mustHelm(t *testing.T, args ...string) string {
	t.Helper()
	out, err := helm(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// render returns the objects that the chart renders with the values, which are arguments of Helm.
func render(t *testing.T, values ...string) map[string]*unstructured.Unstructured {
	t.Helper()
	return decode(t, mustHelm(t, templateArgs(values...)...))
}

func templateArgs(values ...string) []string {
	return append([]string{"template", release, chart, "--namespace=" + namespace, "--kube-version=1.32.0"}, values...)
}

// decode returns the objects of a YAML stream by kind, namespace and name.
func decode(t *testing.T, manifests string) map[string]*unstructured.Unstructured {
	t.Helper()
	objects := map[string]*unstructured.Unstructured{}
	for _, obj := range controlplane.MustDecode(t, []byte(manifests)) {
		key := key(obj)
		if objects[key] != nil {
			t.Errorf("%s is there twice", key)
		}
		objects[key] = obj
	}
	return objects
}

func key(obj *unstructured.Unstructured) string {
	return strings.Join(strings.Fields(obj.GetKind()+" "+obj.GetNamespace()+" "+obj.GetName()), " ")
}
