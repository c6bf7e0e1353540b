package controllers

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// TestNoVendorIsNamed checks that nothing in this package depends on a type of provider or names one, so that a new
// type needs no change here.
func TestNoVendorIsNamed(t *testing.T) {
	vendors := []string{"chime", "cognito", "amazon", `\baws`, "okta", "auth0", "keycloak", "kratos", `\bory`}
	spec := reflect.TypeFor[v1alpha1.ClusterLogoutProviderSpec]()
	members := 0
	for i := range spec.NumField() {
		if f := spec.Field(i); f.Type.Kind() == reflect.Pointer { // members of the union
			vendors = append(vendors, regexp.QuoteMeta(strings.ToLower(f.Name)))
			members++
		}
	}
	if members < 2 {
		t.Fatalf("found %d members of the union", members)
	}
	vendors = append(vendors, clients(t)...)
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

// clients returns the names of the packages that talk to one kind of service: those that internal/providers uses,
// except the ones that they share.
func clients(t *testing.T) (names []string) {
	files, err := filepath.Glob("../internal/providers/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %q, %v", files, err)
	}
	imported := regexp.MustCompile(`/logout-operator/internal/(\w+)"`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range imported.FindAllStringSubmatch(string(source), -1) {
			if name := match[1]; !slices.Contains([]string{"bearer", "credential", "httpcall", "logout"}, name) {
				names = append(names, name)
			}
		}
	}
	if !slices.Contains(names, "keycloak") {
		t.Fatalf("found %q", names)
	}
	return names
}
