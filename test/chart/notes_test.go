package chart_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/test/harness/await"
)

var hereDocument = regexp.MustCompile(`(?s)<<EOF\n(.*?)\nEOF\n`)

// TestNotes: the text that Helm prints after an installation describes this installation, and the API server accepts
// the objects in it.
func TestNotes(t *testing.T) {
	c := admin(t)
	makeNamespace(t, c)
	before := everything(t)
	install(t)
	defer uninstallAll(t, before)
	notes := mustHelm(t, "get", "notes", release, "--namespace="+namespace)
	if !strings.Contains(notes, "kubectl label --overwrite namespace "+namespace+
		" pod-security.kubernetes.io/enforce=restricted") {
		t.Errorf("the notes do not say how to label the namespace:\n%s", notes)
	}
	security := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "security"}}
	if err := client.IgnoreAlreadyExists(c.Create(t.Context(), security)); err != nil {
		t.Fatal(err)
	}
	documents := hereDocument.FindAllStringSubmatch(notes, -1)
	if len(documents) != 2 {
		t.Fatalf("got %d documents, want a provider and a logout:\n%s", len(documents), notes)
	}
	for _, document := range documents {
		for key, obj := range decode(t, document[1]) {
			await.Eventually(t, "the kind to be served", func(context.Context) error {
				return c.Create(t.Context(), obj.DeepCopy(), client.DryRunAll, client.FieldValidation("Strict"))
			})
			t.Logf("accepted %s", key)
		}
	}
}

// TestNotesWarn: the notes warn about settings that weaken the guarantees.
func TestNotesWarn(t *testing.T) {
	install := func(values ...string) string {
		return mustHelm(t, append([]string{"install", release, chart, "--namespace=" + namespace, "--dry-run=client"},
			values...)...)
	}
	for value, warning := range map[string]string{
		"statusPolicy.enabled=false":  "can record a logout that never happened",
		"allowInsecureEndpoints=true": "can be read and changed in transit",
	} {
		if !strings.Contains(install("--set="+value), warning) {
			t.Errorf("%s: no warning that they %s", value, warning)
		}
		if strings.Contains(install(), warning) {
			t.Errorf("by default: a warning that they %s", warning)
		}
	}
}
