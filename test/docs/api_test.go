package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/logout-operator/logout-operator/test/harness/gotool"
)

// TestConditionsAndReasons: docs/api.md names every condition type and reason. The tool that generates the rest of it
// does not read constants.
func TestConditionsAndReasons(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "api", "v1alpha1", "conditions.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var constants []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			constants = append(constants, value)
		}
		return true
	})
	if len(constants) < 20 {
		t.Fatalf("found only %q", constants)
	}
	named := read(t, "docs/api.md").spans
	for _, c := range constants {
		if !slices.Contains(named, c) {
			t.Errorf("docs/api.md does not name %s", c)
		}
	}
}

// TestTypesBringApimachineryOnly checks what docs/testing.md promises to users who import the types.
func TestTypesBringApimachineryOnly(t *testing.T) {
	const format = "{{if not .Standard}}{{.ImportPath}}{{end}}"
	list := func(args ...string) []string {
		out, err := gotool.Run(t.Context(), root, append([]string{"list", "-deps", "-f", format}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(out)
	}
	const types = "github.com/logout-operator/logout-operator/api/v1alpha1"
	ofTypes := list(types)
	isApimachinery := func(path string) bool { return strings.HasPrefix(path, "k8s.io/apimachinery/") }
	allowed := append(list(slices.DeleteFunc(slices.Clone(ofTypes), func(p string) bool {
		return !isApimachinery(p)
	})...), types)
	if !slices.ContainsFunc(ofTypes, isApimachinery) {
		t.Fatalf("found only %q", ofTypes)
	}
	for _, path := range ofTypes {
		if !slices.Contains(allowed, path) {
			t.Errorf("api/v1alpha1 brings along %s, which apimachinery does not", path)
		}
	}
}

// TestSupportedKubernetes: docs/support.md names the version that the tests run against.
func TestSupportedKubernetes(t *testing.T) {
	pins, err := os.ReadFile(filepath.Join(root, "hack", "controlplane", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^require k8s\.io/kubernetes v(\S+)`).FindSubmatch(pins)
	if m == nil {
		t.Fatal("hack/controlplane/go.mod requires no k8s.io/kubernetes")
	}
	support, err := os.ReadFile(filepath.Join(root, "docs", "support.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(support), "Kubernetes "+string(m[1])) {
		t.Errorf("docs/support.md does not say Kubernetes %s", m[1])
	}
}
