package docs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// TestRBAC: the tables in docs/security.md list exactly the permissions that config/rbac grants the operator.
func TestRBAC(t *testing.T) {
	manifest, err := os.ReadFile(filepath.Join(root, "config", "rbac", "role.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	granted := map[string]bool{}
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), 4096); ; {
		var role rbacv1.ClusterRole // a Role has the same rules
		if err := decoder.Decode(&role); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for _, rule := range role.Rules {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					granted[permission(group, resource, rule.Verbs)] = true
				}
			}
		}
	}
	documented := map[string]bool{}
	for _, row := range read(t, "docs/security.md").rows {
		if len(row) == 4 && (row[0] == "core" || strings.Contains(row[0], ".")) {
			group, verbs := strings.TrimSuffix(row[0], "core"), strings.Split(row[2], ", ")
			documented[permission(group, row[1], verbs)] = true
		}
	}
	for p := range granted {
		if !documented[p] {
			t.Errorf("docs/security.md does not have what is granted: %s", p)
		}
	}
	for p := range documented {
		if !granted[p] {
			t.Errorf("docs/security.md has what is not granted: %s", p)
		}
	}
}

func permission(group, resource string, verbs []string) string {
	return fmt.Sprintf("%q %s %v", group, resource, slices.Sorted(slices.Values(verbs)))
}
