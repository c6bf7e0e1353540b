package gitops

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// recordedTime and the others replace values that differ in every run.
const (
	recordedTime      = "2026-02-20T12:00:00Z"
	recordedRequestID = "00000000-0000-4000-8000-000000000000"
	recordedEndpoint  = "http://127.0.0.1:8080"
)

var (
	anyTime      = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	anyRequestID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)
	anyEndpoint  = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
)

// record compares an object with the record of its state, or writes the record with -update.
func record(t *testing.T, state string, obj *unstructured.Unstructured) {
	t.Helper()
	got, err := yaml.Marshal(clean(obj).Object)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", state+".yaml")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s is not as it was recorded (if it should not be, run this test with -update); it is\n%s",
			state, got)
	}
}

// clean returns the object without the values that differ in every run. In the spec only the endpoint differs; a
// notAfter also stays in messages.
func clean(obj *unstructured.Unstructured) *unstructured.Unstructured {
	cleaned := obj.DeepCopy()
	cleaned.SetManagedFields(nil)
	cleaned.SetUID("")
	cleaned.SetResourceVersion("")
	notAfter, _, _ := unstructured.NestedString(obj.Object, "spec", "notAfter")
	timeOf := func(found string) string {
		if found == notAfter {
			return found
		}
		return recordedTime
	}
	// The number of waiting objects differs in every run.
	if _, found, _ := unstructured.NestedInt64(obj.Object, "status", "waiting"); found {
		_ = unstructured.SetNestedField(cleaned.Object, int64(0), "status", "waiting")
	}
	for _, part := range []string{"metadata", "status"} {
		cleaned.Object[part] = replace(cleaned.Object[part], func(s string) string {
			return anyRequestID.ReplaceAllString(anyTime.ReplaceAllStringFunc(s, timeOf), recordedRequestID)
		})
	}
	cleaned.Object = replace(cleaned.Object, func(s string) string {
		return anyEndpoint.ReplaceAllString(s, recordedEndpoint)
	}).(map[string]any)
	return cleaned
}

// replace changes every string of a decoded JSON document.
func replace(value any, change func(string) string) any {
	switch v := value.(type) {
	case string:
		return change(v)
	case []any:
		changed := make([]any, len(v))
		for i := range v {
			changed[i] = replace(v[i], change)
		}
		return changed
	case map[string]any:
		changed := maps.Clone(v)
		for key := range v {
			changed[key] = replace(v[key], change)
		}
		return changed
	}
	return value
}

// TestClean: the objects of two runs become the same, and no important field is lost.
func TestClean(t *testing.T) {
	run := func(uid, port, id, at string, waiting int64) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"kind": "UserLogout",
			"metadata": map[string]any{"name": "jane", "uid": uid, "creationTimestamp": at, "resourceVersion": uid,
				"generation": int64(2)},
			"spec": map[string]any{"endpoint": "http://127.0.0.1:" + port, "notAfter": "2020-01-01T00:00:00Z",
				"userID": "u"},
			"status": map[string]any{"requestID": id, "waiting": waiting, "conditions": []any{
				map[string]any{"message": "by 2020-01-01T00:00:00Z; last: " + at, "observedGeneration": int64(2)}}},
		}}
	}
	a := clean(run("1", "1234", "0a1b2c3d-0000-4abc-9def-001122334455", "2026-03-01T01:02:03Z", 0))
	b := clean(run("2", "54321", "ffffffff-ffff-4fff-bfff-ffffffffffff", "2027-11-30T23:59:59Z", 7))
	if got, want := fmt.Sprint(a.Object), fmt.Sprint(b.Object); got != want {
		t.Errorf("\n%s\n%s", got, want)
	}
	const want = "map[kind:UserLogout metadata:map[creationTimestamp:2026-02-20T12:00:00Z generation:2 name:jane] " +
		"spec:map[endpoint:http://127.0.0.1:8080 notAfter:2020-01-01T00:00:00Z userID:u] " +
		"status:map[conditions:[map[message:by 2020-01-01T00:00:00Z; last: 2026-02-20T12:00:00Z observedGeneration:2]] " +
		"requestID:00000000-0000-4000-8000-000000000000 waiting:0]]"
	if got := fmt.Sprint(a.Object); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
