package gitops

import (
	"maps"
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// TestPatchOfArgoCD: the patch adds the two health checks to the existing data of argocd-cm, and changes nothing else.
func TestPatchOfArgoCD(t *testing.T) {
	apply(t, `{apiVersion: v1, kind: Namespace, metadata: {name: argocd}}`)
	cm := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "argocd", Name: "argocd-cm",
			Labels: map[string]string{"app.kubernetes.io/part-of": "argocd"}},
		Data: map[string]string{"url": "https://argocd.example.com",
			"resource.customizations.health.example.com_Other": "return {}"},
	}
	want := maps.Clone(cm.Data)
	want["resource.customizations.health.logout-operator.io_UserLogout"] = scripts["UserLogout"]
	want["resource.customizations.health.logout-operator.io_ClusterLogoutProvider"] = scripts["ClusterLogoutProvider"]
	if err := admin.Create(t.Context(), cm); err != nil {
		t.Fatal(err)
	}
	patch, err := os.ReadFile("../../config/argocd/argocd-cm-patch.yaml")
	if err == nil {
		patch, err = yaml.YAMLToJSON(patch)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.Patch(t.Context(), cm, client.RawPatch(types.MergePatchType, patch)); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(cm.Data, want) || len(cm.Labels) != 1 {
		t.Errorf("labels %v, data %v", cm.Labels, cm.Data)
	}
}
