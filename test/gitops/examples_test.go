package gitops

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/gotool"
)

const examples = "../../docs/examples/gitops"

// TestExamples: the API server accepts the examples' objects of the operator's kinds, and Flux's own types know every
// field of the objects for Flux. Types of Argo CD are available only with all of Argo CD, so the test only checks that
// its objects are YAML without duplicate keys and have the required fields of an Application.
func TestExamples(t *testing.T) {
	var ours []string
	err := filepath.WalkDir(examples, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(examples, path)
		if err != nil {
			return err
		}
		t.Run(name, func(t *testing.T) {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(name, "/templates/") {
				rendered, err := renderHelm(t)
				if err != nil {
					t.Fatal(err)
				}
				content = []byte(rendered)
			}
			for _, document := range documents(t, content) {
				if checkExample(t, document, filepath.Dir(path)) {
					ours = append(ours, name)
				}
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(ours) < 5 {
		t.Errorf("only %d of our objects among the examples: %v", len(ours), ours)
	}
}

// checkExample checks one document and reports whether it is an object of one of the operator's kinds.
func checkExample(t *testing.T, document []byte, dir string) (ours bool) {
	t.Helper()
	var object map[string]any
	if err := yaml.UnmarshalStrict(document, &object); err != nil {
		t.Fatal(err)
	}
	obj := &unstructured.Unstructured{Object: object}
	switch group := obj.GroupVersionKind().GroupKind(); group.String() {
	case "UserLogout." + v1alpha1.GroupVersion.Group, "ClusterLogoutProvider." + v1alpha1.GroupVersion.Group:
		dryRun(t, obj)
		return true
	case "Kustomization.kustomize.config.k8s.io":
		rendered, err := controlplane.Kustomize(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range documents(t, rendered) {
			checkExample(t, document, dir)
		}
	case "Kustomization.kustomize.toolkit.fluxcd.io":
		strict(t, document, &kustomizev1.Kustomization{})
	case "GitRepository.source.toolkit.fluxcd.io":
		strict(t, document, &sourcev1.GitRepository{})
	case "Application.argoproj.io":
		for _, field := range [][]string{{"project"}, {"source", "repoURL"}, {"source", "path"},
			{"destination", "server"}, {"destination", "namespace"}} {
			if value, _, _ := unstructured.NestedString(object, append([]string{"spec"}, field...)...); value == "" {
				t.Errorf("no spec.%s", strings.Join(field, "."))
			}
		}
	default:
		if _, chart := object["apiVersion"]; chart && object["kind"] != nil {
			t.Errorf("nobody checks a %s", group)
		}
	}
	return false
}

// dryRun makes the API server check an object as when GitOps tools apply it, including unknown fields. It creates
// objects with a generated name, as Argo CD does with hooks.
func dryRun(t *testing.T, obj *unstructured.Unstructured) {
	t.Helper()
	if obj.GetKind() == "UserLogout" && obj.GetNamespace() == "" {
		obj.SetNamespace(namespace) // the tool chooses the namespace
	}
	var err error
	if obj.GetName() == "" {
		err = admin.Create(t.Context(), obj, client.DryRunAll, client.FieldValidation("Strict"))
	} else {
		err = admin.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(obj), client.DryRunAll,
			client.FieldOwner("examples"), client.ForceOwnership)
	}
	if err != nil {
		t.Error(err)
	}
}

func strict(t *testing.T, document []byte, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict(document, into); err != nil {
		t.Error(err)
	}
}

// documents splits a YAML stream and skips empty documents.
func documents(t *testing.T, stream []byte) [][]byte {
	t.Helper()
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(stream)))
	var all [][]byte
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(bytes.TrimSpace(document)) > 0 {
			all = append(all, slices.Clone(document))
		}
	}
}

// renderHelm renders the template of the examples' chart with Helm, with settings of values such as --set=a=b.
func renderHelm(t *testing.T, settings ...string) (string, error) {
	t.Helper()
	return gotool.Run(t.Context(), "../..", append([]string{"tool", "-modfile=hack/helm/go.mod", "helm", "template", "demo",
		"docs/examples/gitops/helm", "--namespace=" + namespace}, settings...)...)
}

// TestHelmRefusesNumbers: Helm reads an ID of digits that is not quoted as a floating-point number, and would write
// another user's ID.
func TestHelmRefusesNumbers(t *testing.T) {
	for _, field := range []string{"accountID", "userID"} {
		if out, err := renderHelm(t, "--set=logout."+field+"=1234567890"); err == nil ||
			!strings.Contains(err.Error(), "logout."+field+" must be a string") {
			t.Errorf("%s: rendered %q, %v", field, out, err)
		}
		out, err := renderHelm(t, "--set-string=logout."+field+"=1234567890")
		if err != nil || !strings.Contains(out, field+`: "1234567890"`) {
			t.Errorf("%s: rendered %q, %v", field, out, err)
		}
	}
}
