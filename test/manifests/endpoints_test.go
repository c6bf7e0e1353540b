package manifests

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/test/harness/controlplane"
)

// TestPlainHTTP: in every field of a provider that holds a URL, the API server rejects plain http unless the address is
// on loopback.
func TestPlainHTTP(t *testing.T) {
	samples := map[string]*unstructured.Unstructured{} // by the field of the type
	files, err := filepath.Glob(filepath.Join(root, "config", "samples", "provider*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, sample := range controlplane.MustDecode(t, text) {
			kind, _, _ := unstructured.NestedString(sample.Object, "spec", "type")
			samples[strings.ToLower(kind[:1])+kind[1:]] = sample
		}
	}
	fields := urlFields(t)
	if len(fields) < len(samples) {
		t.Fatalf("%d types have but these URLs: %v", len(samples), fields)
	}
	// A policy takes effect a moment after it is stored.
	enforced := func(ctx context.Context) (bool, error) {
		plain := samples["oryKratos"].DeepCopy()
		err := unstructured.SetNestedField(plain.Object, "http://service.example", "spec", "oryKratos", "endpoint")
		return apierrors.IsInvalid(admin.Create(ctx, plain, client.DryRunAll)), err
	}
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, enforced); err != nil {
		t.Fatal(err)
	}
	for _, field := range fields {
		path := strings.Split(field, ".")
		for address, taken := range map[string]bool{
			"https://service.example":    true,
			"http://127.0.0.1:8080/base": true,
			"http://localhost:8080":      true,
			"http://service.example":     false,
			"HTTP://service.example":     false,
			"http://10.0.0.1:4434":       false,
			"http://localhost.example":   false,
			"http://127.0.0.1.example/":  false,
			"http://127.0.0.1@a.example": false,
		} {
			provider := samples[path[1]].DeepCopy()
			provider.SetName("plain-http")
			if err := unstructured.SetNestedField(provider.Object, address, path...); err != nil {
				t.Fatal(err)
			}
			err := admin.Create(t.Context(), provider, client.DryRunAll)
			switch {
			case taken && err != nil:
				t.Errorf("%s: %s is refused: %v", field, address, err)
			case !taken && (!apierrors.IsInvalid(err) || !strings.Contains(err.Error(), field) ||
				!strings.Contains(err.Error(), "https://")):
				t.Errorf("%s: %s: got %v, want it refused with the field's name and what to do", field, address, err)
			}
		}
	}
}

// urlFields returns the paths of all fields of a provider that hold a URL that the operator calls.
func urlFields(t *testing.T) (fields []string) {
	t.Helper()
	crds, err := os.ReadFile(filepath.Join(root, "config", "crd", "bases",
		"logout-operator.io_clusterlogoutproviders.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	versions, _, _ := unstructured.NestedSlice(controlplane.MustDecode(t, crds)[0].Object, "spec", "versions")
	spec, _, _ := unstructured.NestedMap(versions[0].(map[string]any), "schema", "openAPIV3Schema",
		"properties", "spec")
	var walk func(path string, schema map[string]any)
	walk = func(path string, schema map[string]any) {
		properties, _ := schema["properties"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			if name == "endpoint" || strings.HasSuffix(name, "URL") {
				fields = append(fields, path+"."+name)
			}
			walk(path+"."+name, properties[name].(map[string]any))
		}
	}
	walk("spec", spec)
	return fields
}
