package schema

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/yaml"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// crd reads the schema of a kind from this version's CustomResourceDefinition,
// and converts it to the form in which the API server publishes it.
func crd(t *testing.T, plural, kind string) map[string]any {
	t.Helper()
	text, err := os.ReadFile("../../config/crd/bases/logout-operator.io_" + plural + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Spec struct {
			Versions []struct {
				SelectableFields []struct {
					JSONPath string `json:"jsonPath"`
				} `json:"selectableFields"`
				Schema struct {
					OpenAPIV3Schema map[string]any `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	s := c.Spec.Versions[0].Schema.OpenAPIV3Schema
	s["x-kubernetes-group-version-kind"] = []any{map[string]any{"group": v1alpha1.GroupVersion.Group,
		"version": v1alpha1.GroupVersion.Version, "kind": kind}}
	selectable := []any{}
	for _, field := range c.Spec.Versions[0].SelectableFields {
		selectable = append(selectable, map[string]any{"fieldPath": strings.TrimPrefix(field.JSONPath, ".")})
	}
	s["x-kubernetes-selectable-fields"] = selectable
	return s
}

func document(t *testing.T, schemas ...map[string]any) []byte {
	t.Helper()
	named := map[string]any{}
	for _, s := range schemas {
		named[s["x-kubernetes-group-version-kind"].([]any)[0].(map[string]any)["kind"].(string)] = s
	}
	text, err := json.Marshal(map[string]any{"components": map[string]any{"schemas": named}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// properties returns the properties of a nested object.
func properties(s map[string]any, path ...string) map[string]any {
	for _, name := range path {
		s = s["properties"].(map[string]any)[name].(map[string]any)
		if items, ok := s["items"].(map[string]any); ok {
			s = items
		}
	}
	return s["properties"].(map[string]any)
}

func guard() *Guard {
	g := &Guard{log: logr.Discard(), gv: v1alpha1.GroupVersion, needs: map[string]need{},
		suspect: make(chan struct{}, 1), hold: make(chan struct{})}
	for _, kind := range []Kind{
		{Name: "UserLogout", Type: v1alpha1.UserLogout{}, Selectable: []string{"status.completionTime"}},
		{Name: "ClusterLogoutProvider", Type: v1alpha1.ClusterLogoutProvider{}},
	} {
		g.needs[kind.Name] = kind.need()
	}
	return g
}

func TestCompare(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(logout, provider map[string]any)
		want []string // parts of the message, in order
	}{
		{"this version", func(_, _ map[string]any) {}, nil},
		{"a later version", func(l, _ map[string]any) {
			properties(l, "status")["later"] = map[string]any{"type": "string"}
		}, nil},
		{"a status field is missing", func(l, _ map[string]any) { delete(properties(l, "status"), "attempts") },
			[]string{"UserLogout", "status.attempts"}},
		{"several are", func(l, _ map[string]any) {
			for _, name := range []string{"attempts", "startTime", "lastAttempt", "nextAttemptTime"} {
				delete(properties(l, "status"), name)
			}
		}, []string{"status.attempts, status.lastAttempt, status.nextAttemptTime, status.startTime"}},
		{"a field in a field", func(l, _ map[string]any) {
			delete(properties(l, "status", "lastAttempt"), "requestID")
		}, []string{"status.lastAttempt.requestID"}},
		{"a field of a list's items", func(l, _ map[string]any) {
			delete(properties(l, "status", "conditions"), "observedGeneration")
		}, []string{"status.conditions.observedGeneration"}},
		{"no status", func(l, _ map[string]any) { delete(properties(l), "status") }, []string{"lacks status;"}},
		{"a spec field of a provider", func(_, p map[string]any) { delete(properties(p, "spec"), "oryKratos") },
			[]string{"ClusterLogoutProvider", "spec.oryKratos"}},
		{"both", func(l, p map[string]any) {
			delete(properties(l, "spec"), "notAfter")
			delete(properties(p, "status", "hold"), "since")
		}, []string{"ClusterLogoutProvider", "status.hold.since", "UserLogout", "spec.notAfter"}},
		{"unknown fields are kept", func(l, _ map[string]any) {
			status := l["properties"].(map[string]any)["status"].(map[string]any)
			delete(properties(l, "status"), "attempts")
			status["x-kubernetes-preserve-unknown-fields"] = true
		}, nil},
		{"no schema", func(l, _ map[string]any) {
			l["properties"] = nil
			l["x-kubernetes-preserve-unknown-fields"] = true
		}, nil},
		{"another field is selectable", func(l, _ map[string]any) {
			l["x-kubernetes-selectable-fields"] = []any{map[string]any{"fieldPath": "spec.userID"}}
		}, []string{"UserLogout", "the selectable field status.completionTime"}},
		{"none is", func(l, _ map[string]any) { delete(l, "x-kubernetes-selectable-fields") },
			[]string{"UserLogout", "the selectable field status.completionTime"}},
		{"another version of the kind", func(l, _ map[string]any) {
			delete(properties(l, "status"), "attempts")
			l["x-kubernetes-group-version-kind"].([]any)[0].(map[string]any)["version"] = "v1"
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			logout, provider := crd(t, "userlogouts", "UserLogout"),
				crd(t, "clusterlogoutproviders", "ClusterLogoutProvider")
			tt.edit(logout, provider)
			gaps, err := guard().compare(document(t, logout, provider))
			if err != nil {
				t.Fatal(err)
			}
			said := strings.Join(gaps, "; ")
			rest := said
			for _, part := range tt.want {
				_, after, found := strings.Cut(rest, part)
				if !found {
					t.Fatalf("says %q, want %q", said, tt.want)
				}
				rest = after
			}
			if (said == "") != (tt.want == nil) {
				t.Errorf("says %q", said)
			}
		})
	}
	if _, err := guard().compare([]byte("<html>")); err == nil {
		t.Error("no error of what is no JSON")
	}
}

// apiServer answers the guard's requests.
type apiServer struct {
	mu     sync.Mutex
	answer []byte
	err    error
	looks  int
}

func (a *apiServer) serve(answer []byte, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer, a.err = answer, err
}

func (a *apiServer) read(context.Context) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.looks++
	return a.answer, a.err
}

func (a *apiServer) asked() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.looks
}

// TestGuard: workers are blocked from the first look that finds a gap until the
// first that finds none.
func TestGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		g := guard()
		good := document(t, crd(t, "userlogouts", "UserLogout"))
		old := crd(t, "userlogouts", "UserLogout")
		delete(properties(old, "status"), "attempts")
		api := &apiServer{}
		g.read = api.read
		free := func() bool {
			ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			return g.Await(ctx)
		}
		check := func(what string, wantFree, wantReady bool, wantLooks int) {
			t.Helper()
			synctest.Wait()
			if is := free(); is != wantFree || (g.Ready(nil) == nil) != wantReady || api.asked() != wantLooks {
				t.Errorf("%s: may work: %t, ready: %v, %d looks", what, is, g.Ready(nil), api.asked())
			}
		}
		check("before the first look", false, false, 0)
		api.serve(document(t, old), nil)
		go func() { _ = g.Start(ctx) }()
		check("too old", false, false, 1)
		if err := g.Ready(nil).Error(); !strings.Contains(err, "UserLogout") ||
			!strings.Contains(err, "status.attempts") {
			t.Errorf("says %q", err)
		}
		<-time.After(2 * lookAgain)
		check("still too old", false, false, 3)
		api.serve(nil, errors.New("no answer"))
		<-time.After(lookAgain)
		check("not to be read", false, false, 4)
		api.serve(good, nil)
		<-time.After(lookAgain)
		check("replaced", true, true, 5)
		<-time.After(lookEvery - time.Second)
		check("seldom", true, true, 5)
		api.serve(document(t, old), nil)
		g.Suspect()
		check("suspected, and too old", false, false, 6)
		api.serve(good, nil)
		<-time.After(lookAgain)
		check("replaced again", true, true, 7)
		g.Suspect()
		check("suspected for nothing", true, true, 8)
		api.serve(nil, errors.New("no answer"))
		<-time.After(lookEvery)
		check("not to be read, and was in order", true, true, 9)
		stop()
		synctest.Wait()
		if n := api.asked(); n != 9 {
			t.Errorf("%d looks", n)
		}
	})
	var none *Guard
	none.Suspect()
	if !none.Await(t.Context()) {
		t.Error("no guard holds up")
	}
}

// TestFields: fieldsOf descends into embedded types, lists and pointers, but
// not into types that marshal themselves.
func TestFields(t *testing.T) {
	all := fieldsOf(reflect.TypeFor[v1alpha1.UserLogout]())
	for path, want := range map[string]bool{"apiVersion": true, "metadata": true,
		"status.conditions.lastTransitionTime": true, "spec.notAfter": true,
		"spec.notAfter.Time": false, "spec.providerRef.name": true, "status.lastAttempt.code": true} {
		in, found := all, true
		for name := range strings.SplitSeq(path, ".") {
			next, ok := in[name]
			found = found && ok
			in, _ = next.(fields)
		}
		if found != want {
			t.Errorf("%s: %t", path, found)
		}
	}
	if !slices.Contains(
		missing(fields{"a": nil, "b": nil}, &served{Properties: map[string]*served{"a": nil}}, ""), "b") {
		t.Error("nothing missing")
	}
}
