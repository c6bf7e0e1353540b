package verdict

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the patch of argocd-cm from the scripts")

const (
	patchFile   = "../../../config/argocd/argocd-cm-patch.yaml"
	patchHeader = `# The health checks of both kinds for Argo CD. This file is generated from the scripts in this folder by
#   cd test/gitops && go test ./verdict -run TestPatchHoldsTheScripts -update
# It changes nothing else in argocd-cm:
#   kubectl -n argocd patch configmap argocd-cm --type merge --patch-file config/argocd/argocd-cm-patch.yaml
`
)

// TestPatchHoldsTheScripts: the patch for users contains the scripts that are tested.
func TestPatchHoldsTheScripts(t *testing.T) {
	scripts, err := Scripts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	data := map[string]any{}
	for kind, script := range scripts {
		data["resource.customizations.health.logout-operator.io_"+kind] = script
	}
	want, err := yaml.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "argocd-cm", "namespace": "argocd"},
		"data": data})
	if err != nil {
		t.Fatal(err)
	}
	want = append([]byte(patchHeader), want...)
	if *update {
		if err := os.WriteFile(patchFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(patchFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s is not made of the scripts as they are: run this test with -update", filepath.Base(patchFile))
	}
	var patch corev1.ConfigMap
	if err := yaml.UnmarshalStrict(got, &patch); err != nil {
		t.Fatal(err)
	}
	if patch.Name != "argocd-cm" || len(patch.Data) != len(ScriptFiles) {
		t.Errorf("patch of %s with %d keys", patch.Name, len(patch.Data))
	}
	for kind, script := range scripts {
		if patch.Data["resource.customizations.health.logout-operator.io_"+kind] != script {
			t.Errorf("%s: the patch has another script", kind)
		}
	}
}
