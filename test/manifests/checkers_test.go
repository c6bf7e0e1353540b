package manifests

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
)

// TestSchemas: every field of every object matches the API server's schemas. kubeconform checks files as a user's
// pipeline does, but with the schemas of this API server, because those that it would download belong to another.
func TestSchemas(t *testing.T) {
	schemas := writeSchemas(t)
	check := func(manifests []byte) (string, error) {
		return checker(t, "kubeconform", "-strict", "-summary", "-schema-location",
			schemas+"/{{.ResourceKind}}{{.KindSuffix}}.json", write(t, manifests))
	}
	for _, folder := range []string{"default", "network-policy", "samples"} {
		if out, err := check(render(t, folder)); err != nil ||
			!strings.Contains(out, "Invalid: 0, Errors: 0, Skipped: 0") {
			t.Errorf("config/%s: %v\n%s", folder, err, out)
		}
	}
	wrong := bytes.Replace(render(t, "default"), []byte("replicas: 2"), []byte("replica: 2"), 1)
	if _, err := check(wrong); err == nil {
		t.Error("a field that does not exist is let pass: nothing is checked")
	}
}

// writeSchemas writes a JSON schema for each kind that the API server serves, from its OpenAPI v3 schemas. These are
// JSON schemas except for unknown fields: kubectl rejects them, so they are forbidden here.
func writeSchemas(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	ours := []string{"userlogout-logout-operator-v1alpha1.json", "clusterlogoutprovider-logout-operator-v1alpha1.json"}
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true,
		func(context.Context) (bool, error) {
			writeSchemasOfNow(t, dir)
			missing := slices.ContainsFunc(ours, func(file string) bool {
				_, err := os.Stat(filepath.Join(dir, file))
				return err != nil
			})
			return !missing, nil // the API server publishes those of custom resources a moment after it serves them
		})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func writeSchemasOfNow(t *testing.T, dir string) {
	t.Helper()
	paths, err := discovery.NewDiscoveryClientForConfigOrDie(plane.Config).OpenAPIV3().Paths()
	if err != nil {
		t.Fatal(err)
	}
	for path, group := range paths {
		if !strings.HasPrefix(path, "api") {
			continue
		}
		document, err := group.Schema("application/json")
		if err != nil {
			t.Fatal(err)
		}
		var openAPI struct {
			Components struct {
				Schemas map[string]map[string]any `json:"schemas"`
			} `json:"components"`
		}
		if err := json.Unmarshal(document, &openAPI); err != nil {
			t.Fatal(err)
		}
		for _, s := range openAPI.Components.Schemas {
			forbidUnknown(s)
		}
		for name, s := range openAPI.Components.Schemas {
			for _, kind := range kindsOf(s) {
				content, err := json.Marshal(
					map[string]any{"$ref": "#/components/schemas/" + name, "components": openAPI.Components})
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, fileOf(kind)), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// kindsOf returns the kinds to which a schema belongs.
func kindsOf(s map[string]any) (kinds []schema.GroupVersionKind) {
	list, _ := s["x-kubernetes-group-version-kind"].([]any)
	if len(list) != 1 { // in every group: DeleteOptions and the like
		return nil
	}
	kind := list[0].(map[string]any)
	return []schema.GroupVersionKind{{Group: kind["group"].(string), Version: kind["version"].(string),
		Kind: kind["kind"].(string)}}
}

// fileOf is kubeconform's file name for a kind: it uses the first part of the group's name.
func fileOf(kind schema.GroupVersionKind) string {
	parts := []string{strings.ToLower(kind.Kind)}
	if kind.Group != "" {
		parts = append(parts, strings.Split(kind.Group, ".")[0])
	}
	return strings.Join(append(parts, kind.Version), "-") + ".json"
}

// forbidUnknown forbids the fields that an object's schema does not name.
func forbidUnknown(s map[string]any) {
	properties, named := s["properties"].(map[string]any)
	for _, property := range properties {
		forbidUnknown(property.(map[string]any))
	}
	if items, ok := s["items"].(map[string]any); ok {
		forbidUnknown(items)
	}
	_, open := s["additionalProperties"]
	if preserved, _ := s["x-kubernetes-preserve-unknown-fields"].(bool); named && !open && !preserved {
		s["additionalProperties"] = false
	}
}

// notScored are checks of kube-score whose advice this project does not follow, and why.
var notScored = map[string]string{
	"container-image-pull-policy": "the tag names one release for ever, so there is nothing to pull anew",
	"container-ephemeral-storage-request-and-limit": "the root file system is read-only, so only the log counts, which the kubelet rotates: a " +
		"limit could but evict the operator for what it logs",
	"container-security-context-user-group-id": "the image's user is enough, and OpenShift refuses a fixed one (TestOpenShift)",
}

// TestScores: kube-score has no complaints about the installed objects, except for notScored.
func TestScores(t *testing.T) {
	var ignored []string
	for check := range notScored {
		ignored = append(ignored, "--ignore-test="+check)
	}
	slices.Sort(ignored)
	score := func(extra ...string) (string, error) {
		manifests := write(t, slices.Concat(render(t, "default"), []byte("---\n"), render(t, "network-policy")))
		return checker(t, "kube-score", slices.Concat([]string{"score", "--output-format=ci", "--exit-one-on-warning"},
			extra, []string{manifests})...)
	}
	if out, err := score(ignored...); err != nil {
		t.Error(out, err)
	}
	if out, err := score(); err == nil {
		t.Errorf("notScored is not needed any more, or nothing is checked:\n%s", out)
	}
}

// checker runs a tool of hack/manifests and returns its output.
func checker(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append([]string{"tool", "-modfile=hack/manifests/go.mod", name}, args...)...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "GOWORK=off")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// write writes manifests to a file.
func write(t *testing.T, manifests []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "manifests.yaml")
	if err := os.WriteFile(path, manifests, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
