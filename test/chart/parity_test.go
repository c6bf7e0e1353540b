package chart_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/diff"

	"github.com/logout-operator/logout-operator/test/harness/controlplane"
)

// Metadata that only the chart adds to objects: Helm's users find the objects of a release by it, and Helm keeps some
// objects when it uninstalls a release.
var (
	helmLabels = []string{"app.kubernetes.io/instance", "app.kubernetes.io/managed-by",
		"app.kubernetes.io/version", "helm.sh/chart"}
	helmAnnotations = []string{"helm.sh/resource-policy"}
)

// An object of config/ that the chart does not have: Helm creates the namespace, without labels, if asked to.
const ownNamespace = "Namespace " + namespace

func TestLint(t *testing.T) {
	mustHelm(t, "lint", "--strict", "--kube-version=1.32.0", chart)
}

func TestChartAndKustomizeRenderTheSame(t *testing.T) {
	for name, tt := range map[string]struct{ dirs, values []string }{
		"default values": {dirs: []string{"default"}},
		"network policy": {
			dirs:   []string{"default", "network-policy"},
			values: []string{"--set=networkPolicy.enabled=true"},
		},
		"prometheus": {
			dirs:   []string{"default", "prometheus"},
			values: []string{"--set=prometheus.serviceMonitor.enabled=true", "--set=prometheus.rules.enabled=true"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := map[string]*unstructured.Unstructured{}
			for _, dir := range tt.dirs {
				rendered, err := controlplane.Kustomize(filepath.Join(root, "config", dir))
				if err != nil {
					t.Fatal(err)
				}
				maps.Copy(want, decode(t, string(rendered)))
			}
			delete(want, ownNamespace)
			got := render(t, tt.values...)
			for _, obj := range got {
				withoutHelm(t, obj)
			}
			for _, key := range slices.Sorted(maps.Keys(want)) {
				if got[key] == nil {
					t.Errorf("the chart lacks %s", key)
				} else if d := diff.Diff(want[key].Object, got[key].Object); d != "" {
					t.Errorf("%s: kustomize (-), chart (+)\n%s", key, d)
				}
			}
			for _, key := range slices.Sorted(maps.Keys(got)) {
				if want[key] == nil {
					t.Errorf("the chart has %s, config/ has not", key)
				}
			}
		})
	}
}

// withoutHelm removes the metadata that only the chart adds, and fails the test if a label of Helm's is missing.
func withoutHelm(t *testing.T, obj *unstructured.Unstructured) {
	t.Helper()
	labels, annotations := obj.GetLabels(), obj.GetAnnotations()
	for _, label := range helmLabels {
		if labels[label] == "" {
			t.Errorf("%s lacks label %s", key(obj), label)
		}
		delete(labels, label)
	}
	for _, annotation := range helmAnnotations {
		delete(annotations, annotation)
	}
	obj.SetLabels(labels)
	if len(annotations) == 0 {
		annotations = nil
	}
	obj.SetAnnotations(annotations)
}

// TestChartHasTheFilesOfConfig fails if somebody edits the copies. make verify checks the same, but needs Git.
func TestChartHasTheFilesOfConfig(t *testing.T) {
	copies := 0
	for file, dir := range map[string]string{
		"crds/*.yaml": "crd/bases", "*role*.yaml": "rbac", "network_policy.yaml": "network-policy",
		"servicemonitor.yaml": "prometheus", "prometheusrule.yaml": "prometheus",
	} {
		found, err := filepath.Glob(filepath.Join(chart, "files", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join(root, "config", dir, filepath.Base(path)))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("%s differs from config/%s: run make manifests", path, dir)
			}
			copies++
		}
	}
	if copies < 8 {
		t.Errorf("compared %d files only", copies)
	}
}
