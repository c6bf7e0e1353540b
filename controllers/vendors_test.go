package controllers

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// TestNoVendorIsNamed: nothing here depends on what a provider is, or speaks of
// it, so that a new type of provider changes nothing here.
func TestNoVendorIsNamed(t *testing.T) {
	vendors := []string{"chime", "cognito", "amazon", `\baws`, "okta", "auth0", "keycloak", "kratos", `\bory`}
	spec := reflect.TypeFor[v1alpha1.ClusterLogoutProviderSpec]()
	members := 0
	for i := range spec.NumField() {
		if f := spec.Field(i); f.Type.Kind() == reflect.Pointer { // the members of the union
			vendors = append(vendors, regexp.QuoteMeta(strings.ToLower(f.Name)))
			members++
		}
	}
	if members < 2 {
		t.Fatalf("found %d members of the union", members)
	}
	named := regexp.MustCompile(strings.Join(vendors, "|"))
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %q, %v", files, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(source), "\n") {
			if name := named.FindString(strings.ToLower(line)); name != "" {
				t.Errorf("%s:%d names %s", file, i+1, name)
			}
		}
	}
}
