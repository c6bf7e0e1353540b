package verdict

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

const (
	recorded       = "../testdata"
	fluxOfProvider = "../../../docs/examples/gitops/flux/providers.yaml"
)

// TestRecorded judges the objects that were recorded in each state at a real API server, without an API server.
func TestRecorded(t *testing.T) {
	scripts, err := Scripts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for kind, states := range map[string][]State{"UserLogout": UserLogouts, "ClusterLogoutProvider": Providers} {
		for _, state := range states {
			t.Run(state.Name, func(t *testing.T) {
				obj := load(t, state.Name)
				if obj.GetKind() != kind {
					t.Fatalf("a %s, want a %s", obj.GetKind(), kind)
				}
				health, message, err := Argo(t.Context(), scripts[kind], obj)
				if err != nil {
					t.Fatal(err)
				}
				if health != state.Argo || message == "" {
					t.Errorf("Argo CD: %s (%q), want %s", health, message, state.Argo)
				}
				result, err := status.Compute(obj)
				if err != nil {
					t.Fatal(err)
				}
				if result.Status != state.KStatus {
					t.Errorf("kstatus: %s (%s), want %s", result.Status, result.Message, state.KStatus)
				}
			})
		}
	}
}

// TestRecordedByFlux judges the recorded providers with the healthCheckExprs of the example, as Flux does.
func TestRecordedByFlux(t *testing.T) {
	manifest, err := os.ReadFile(fluxOfProvider)
	if err != nil {
		t.Fatal(err)
	}
	var k kustomizev1.Kustomization
	if err := yaml.UnmarshalStrict(manifest, &k); err != nil {
		t.Fatal(err)
	}
	if len(k.Spec.HealthCheckExprs) != 1 {
		t.Fatalf("%d healthCheckExprs, want those of one kind", len(k.Spec.HealthCheckExprs))
	}
	check := k.Spec.HealthCheckExprs[0]
	for _, state := range Providers {
		t.Run(state.Name, func(t *testing.T) {
			obj := load(t, state.Name)
			if want := schema.FromAPIVersionAndKind(check.APIVersion, check.Kind); obj.GroupVersionKind() != want {
				t.Fatalf("the expressions are for %s", want)
			}
			evaluator, err := cel.NewStatusEvaluator(&check.HealthCheckExpressions)
			if err != nil {
				t.Fatal(err)
			}
			result, err := evaluator.Evaluate(t.Context(), obj)
			if err != nil {
				t.Fatal(err)
			}
			if result.Status != state.Exprs {
				t.Errorf("%s, want %s", result.Status, state.Exprs)
			}
		})
	}
}

// TestEveryRecordIsOfAState: no record is left of a state that no longer exists.
func TestEveryRecordIsOfAState(t *testing.T) {
	files, err := os.ReadDir(recorded)
	if err != nil {
		t.Fatal(err)
	}
	states := slices.Concat(UserLogouts, Providers)
	for _, file := range files {
		name := strings.TrimSuffix(file.Name(), ".yaml")
		if !slices.ContainsFunc(states, func(s State) bool { return s.Name == name }) {
			t.Errorf("%s is of no state", file.Name())
		}
	}
}

// TestArgoRefuses: a script with an error gives no verdict.
func TestArgoRefuses(t *testing.T) {
	obj := load(t, "logged-out")
	for name, script := range map[string]string{
		"no table":        `return "Healthy"`,
		"no verdict":      `return {status = "Fine", message = "m"}`,
		"no message":      `return {status = "Healthy"}`,
		"no end":          `while true do end`,
		"no such library": `return {status = "Healthy", message = string.upper("m")}`,
		"os":              `return {status = "Healthy", message = os.getenv("HOME")}`,
		"not Lua":         `status: Healthy`,
	} {
		t.Run(name, func(t *testing.T) {
			if health, message, err := Argo(t.Context(), script, obj); err == nil {
				t.Errorf("%s (%s), want an error", health, message)
			}
		})
	}
}

// load reads the object that was recorded in a state.
func load(t *testing.T, state string) *unstructured.Unstructured {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(recorded, state+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if data, err = yaml.YAMLToJSON(data); err != nil {
		t.Fatal(err)
	}
	obj := &unstructured.Unstructured{}
	if err := obj.UnmarshalJSON(data); err != nil { // numbers as the API machinery decodes them
		t.Fatal(err)
	}
	return obj
}
