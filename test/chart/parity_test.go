package chart_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/diff"

	"github.com/logout-operator/logout-operator/test/controlplane"
)

// What the chart has and config/ has not, on any object: how Helm's users find what belongs to a release, and what
// Helm leaves when it uninstalls one.
var (
	helmLabels      = []string{"app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "app.kubernetes.io/version", "helm.sh/chart"}
	helmAnnotations = []string{"helm.sh/resource-policy"}
)

// What config/ has and the chart has not: Helm makes the namespace, without labels, if it is told to.
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

// withoutHelm takes off what only the chart has, and insists that all labels of Helm's are there.
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

// TestChartHasTheFilesOfConfig is what make verify finds too, without Git: nobody edits the copies.
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
