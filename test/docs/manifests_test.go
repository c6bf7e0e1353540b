package docs

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/controlplane"
)

// newClient returns a client of an API server that has the CRDs.
func newClient(t *testing.T) client.Client {
	t.Helper()
	crds, err := controlplane.Kustomize(root + "/config/crd")
	if err == nil {
		err = plane.Apply(t.Context(), crds)
	}
	if err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	c, err := client.New(plane.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestManifests: the API server accepts every object of this project's kinds on a page, apart from its namespace.
func TestManifests(t *testing.T) {
	c := newClient(t)
	found := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.language != "yaml" {
				continue
			}
			for _, document := range strings.Split(b.code, "\n---\n") {
				obj := &unstructured.Unstructured{}
				if err := yaml.Unmarshal([]byte(document), &obj.Object); err != nil {
					t.Errorf("%s: %v in\n%s", p.path, err, document)
					continue
				}
				if obj.GroupVersionKind().Group != v1alpha1.GroupVersion.Group {
					continue
				}
				found++
				if obj.GetNamespace() != "" {
					obj.SetNamespace("default") // one that exists
				}
				if err := c.Create(t.Context(), obj, client.DryRunAll,
					client.FieldValidation(metav1.FieldValidationStrict)); err != nil {
					t.Errorf("%s: %v in\n%s", p.path, err, document)
				}
			}
		}
	}
	if found < 2 { // README.md and docs/install.md
		t.Errorf("found only %d", found)
	}
}

// TestExamplePolicy applies the policy in docs/security.md, and checks that it works.
func TestExamplePolicy(t *testing.T) {
	c := newClient(t)
	policy := ""
	for _, b := range read(t, "docs/security.md").blocks {
		if strings.Contains(b.code, "kind: ValidatingAdmissionPolicy\n") {
			policy = b.code
		}
	}
	if err := plane.Apply(t.Context(), []byte(policy)); policy == "" || err != nil {
		t.Fatalf("no policy, or one that is refused: %v\n%s", err, policy)
	}
	namespace := func(labels map[string]string) string {
		n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "tenant-", Labels: labels}}
		if err := c.Create(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		return n.Name
	}
	create := func(namespace, account string) error {
		return c.Create(t.Context(), logoutOf(namespace, account), client.DryRunAll)
	}
	labelled, bare := namespace(map[string]string{"example.com/chime-account": "acme"}), namespace(nil)
	// A policy takes effect a moment after it is stored, and remains in force for a moment after it is deleted.
	await(t, func() error { return create(bare, "acme") }, "this namespace has no label example.com/chime-account")
	t.Cleanup(func() {
		binding := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "logout-own-account"}}
		if err := c.Delete(context.Background(), binding); err != nil {
			t.Error(err)
		}
		await(t, func() error { return c.Create(context.Background(), logoutOf(bare, "acme"), client.DryRunAll) }, "")
	})
	if err := create(labelled, "acme"); err != nil {
		t.Errorf("its own account: %v", err)
	}
	if err := create(labelled, "acme2"); err == nil || !strings.Contains(err.Error(), "users of account acme only") {
		t.Errorf("another account: got %v, want a refusal", err)
	}
}

// logoutOf returns a UserLogout in a namespace.
func logoutOf(namespace, account string) *v1alpha1.UserLogout {
	return &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "logout-", Namespace: namespace},
		Spec:       v1alpha1.UserLogoutSpec{AccountID: account, UserID: "jane"},
	}
}

// TestOtherNamespace installs the overlay in docs/install.md: nothing refers to the usual namespace, and only the
// operator in the other one can write a status.
func TestOtherNamespace(t *testing.T) {
	c := newClient(t)
	rendered := overlay(t, "namespace: identity")
	if err := plane.Apply(t.Context(), rendered); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(rendered), "logout-operator-system") {
		t.Errorf("the usual namespace is still in\n%s", rendered)
	}
	obj := logoutOf("default", "acme")
	if err := c.Create(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
	asAdmin := func() error { return c.Status().Update(t.Context(), obj.DeepCopy(), client.DryRunAll) }
	await(t, asAdmin, "status is written by the logout-operator only")
	access, err := plane.ServiceAccountConfig(t.Context(), "identity", "logout-operator")
	if err != nil {
		t.Fatal(err)
	}
	operator, err := client.New(access, client.Options{Scheme: c.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	if err := operator.Status().Update(t.Context(), obj); err != nil {
		t.Errorf("the operator of the other namespace: %v", err)
	}
}

// TestPlainHTTPIsAllowed applies the overlay in docs/install.md: the operator has the flag, and the API server has no
// policy in force that rejects plain HTTP.
func TestPlainHTTPIsAllowed(t *testing.T) {
	usual, err := controlplane.Kustomize(filepath.Join(root, "config", "default"))
	if err != nil {
		t.Fatal(err)
	}
	const flag, binding = "--allow-insecure-endpoints", "policyName: logout-operator-endpoints"
	if !strings.Contains(string(usual), binding) || strings.Contains(string(usual), "- "+flag) {
		t.Error("plain http is allowed without the overlay")
	}
	rendered := string(overlay(t, flag))
	if !strings.Contains(rendered, "- "+flag) || strings.Contains(rendered, binding) {
		t.Errorf("plain http is not allowed in\n%s", rendered)
	}
}

// overlay renders the kustomization of docs/install.md that contains these words.
func overlay(t *testing.T, words string) []byte {
	t.Helper()
	shown := ""
	for _, b := range read(t, "docs/install.md").blocks {
		if strings.Contains(b.code, "kind: Kustomization\n") && strings.Contains(b.code, words) {
			shown = b.code
		}
	}
	dir := t.TempDir()
	base, err := filepath.Abs(filepath.Join(root, "config", "default"))
	if err == nil {
		base, err = filepath.Rel(dir, base) // kustomize accepts only relative paths
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "kustomization.yaml"),
			[]byte(strings.ReplaceAll(shown, "../config/default", base)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := controlplane.Kustomize(dir)
	if err != nil {
		t.Fatal(err)
	}
	return rendered
}

// await returns when try fails with an error that contains these words, or succeeds if there are none.
func await(t *testing.T, try func() error, words string) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if (err == nil) == (words == "") && (err == nil || strings.Contains(err.Error(), words)) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("got %v, want a refusal with %q", err, words)
		}
	}
}
