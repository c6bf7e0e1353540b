package controlplane_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/logout-operator/logout-operator/test/harness/controlplane"
)

func TestKustomize(t *testing.T) {
	dir := t.TempDir()
	if _, err := controlplane.Kustomize(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("without a kustomization.yaml: got %v, want an error that names %s", err, dir)
	}
	for name, content := range map[string]string{
		"kustomization.yaml": "namespace: security\nresources: [account.yaml]\n",
		"account.yaml":       "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: reader}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rendered, err := controlplane.Kustomize(dir)
	if err != nil || !strings.Contains(string(rendered), "namespace: security") {
		t.Errorf("got %q, %v; want the ServiceAccount in its namespace", rendered, err)
	}
}
