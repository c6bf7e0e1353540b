package controllers

import (
	"maps"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestOnlyBundles: of the ConfigMaps in the operator's namespace, the cache keeps CA bundles whole and little else.
func TestOnlyBundles(t *testing.T) {
	bundle := "# our CA\n" + strings.Repeat("#", 1<<20) + "\n-----BEGIN CERTIFICATE-----\nMIIB…"
	given := &corev1.ConfigMap{
		Data:       map[string]string{"ca.crt": bundle, "short": "text", "long": strings.Repeat("x", 1<<20), "empty": ""},
		BinaryData: map[string][]byte{"archive": make([]byte, 1<<20)},
	}
	got, err := onlyBundles(given)
	if err != nil {
		t.Fatal(err)
	}
	kept := got.(*corev1.ConfigMap)
	want := map[string]string{"ca.crt": bundle, "short": "text", "long": strings.Repeat("x", 64), "empty": ""}
	if !maps.Equal(kept.Data, want) || len(kept.BinaryData) != 0 {
		t.Errorf("kept %d values and %d binary ones", len(kept.Data), len(kept.BinaryData))
	}
	if got, err := onlyBundles("a tombstone"); got != "a tombstone" || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}
