package controlplane_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/controlplane"
)

var (
	plane    *controlplane.ControlPlane
	auditLog string
)

func TestMain(m *testing.M) {
	if os.Getenv(asHelper) != "" {
		os.Exit(controlplane.Main(endless{}, controlplane.Options{}, func(*controlplane.ControlPlane) {}))
	}
	dir, err := os.MkdirTemp("", "audit-")
	if err != nil {
		panic(err)
	}
	auditLog = filepath.Join(dir, "audit.log")
	code := controlplane.Main(m, controlplane.Options{AuditLog: auditLog}, func(cp *controlplane.ControlPlane) {
		plane = cp
	})
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// reader has two documents and a comment between them, as a rendered kustomization may have.
const reader = `
apiVersion: v1
kind: Namespace
metadata: {name: rbac}
---
# the account that the tests run as
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader, namespace: rbac}
`

// roles counts the namespaces of readersIn: with -count, a test runs again on the same control plane.
var roles int

// readersIn returns a namespace that no other test uses, and the manifests of the account reader in it and of its
// permissions.
func readersIn() (namespace, account, permission string) {
	roles++
	namespace = fmt.Sprintf("rbac-%d", roles)
	return namespace, strings.NewReplacer("name: rbac", "name: "+namespace, "namespace: rbac",
			"namespace: "+namespace).Replace(reader), fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: %[1]s}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: %[1]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: reader, namespace: %[1]s}]
`, namespace)
}

func TestServiceAccountHasOnlyItsOwnPermissions(t *testing.T) {
	ctx := t.Context()
	namespace, account, permission := readersIn()
	apply(t, account)
	config, err := plane.ServiceAccountConfig(ctx, namespace, "reader")
	if err != nil {
		t.Fatal(err)
	}
	if err := listConfigMaps(ctx, t, config, namespace); !apierrors.IsForbidden(err) {
		t.Fatalf("without a Role: got %v, want 403 Forbidden", err)
	}
	apply(t, permission)
	// The authoriser reads RBAC from a watch, so a binding takes effect a moment after it is stored.
	await.Eventually(t, "the binding to count", func(ctx context.Context) error {
		return listConfigMaps(ctx, t, config, namespace)
	})

	record, err := os.ReadFile(auditLog)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(record), `"username":"system:serviceaccount:`+namespace+`:reader"`) {
		t.Error("the audit log does not name the ServiceAccount")
	}
}

func TestServiceAccountThatIsMissing(t *testing.T) {
	_, err := plane.ServiceAccountConfig(t.Context(), "default", "nobody")
	if !apierrors.IsNotFound(err) {
		t.Fatalf("got %v, want NotFound", err)
	}
	if want := "ServiceAccount default/nobody"; !strings.Contains(err.Error(), want) {
		t.Errorf("%q does not say %q", err, want)
	}
}

// widget uses a kind before the document that defines it, and has an integer with a default.
const widget = `
apiVersion: example.com/v1
kind: Widget
metadata: {name: first, namespace: default}
spec: {}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {kind: Widget, listKind: WidgetList, plural: widgets, singular: widget}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer, default: 7, maximum: 9}}}
`

func TestApplyServesKindsBeforeTheirObjects(t *testing.T) {
	apply(t, widget)
	apply(t, widget) // applying it again changes nothing and is no error
	got := &unstructured.Unstructured{}
	got.SetAPIVersion("example.com/v1")
	got.SetKind("Widget")
	c := admin(t)
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "first"}, got); err != nil {
		t.Fatal(err)
	}
	if size, _, _ := unstructured.NestedInt64(got.Object, "spec", "size"); size != 7 {
		t.Errorf("size = %d, want the default 7", size)
	}
}

func TestApplyNamesWhatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct{ manifests, want string }{
		"refused by the API server": {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Upper, namespace: default}",
			"ConfigMap default/Upper"},
		"unknown kind": {"apiVersion: example.com/v7\nkind: Nothing\nmetadata: {name: a}",
			`no matches for kind "Nothing"`},
		"no kind":  {reader + "---\nmetadata: {name: a}", "document 4"},
		"not YAML": {"a: b: c", "document 1"},
	} {
		t.Run(name, func(t *testing.T) {
			err := plane.Apply(t.Context(), []byte(tc.manifests))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error with %q", err, tc.want)
			}
		})
	}
}

func TestKubeconfigIsTheAdministrators(t *testing.T) {
	config, err := clientcmd.RESTConfigFromKubeConfig(plane.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if err := listConfigMaps(t.Context(), t, config, "default"); err != nil {
		t.Error(err)
	}
}

func apply(t *testing.T, manifests string) {
	t.Helper()
	if err := plane.Apply(t.Context(), []byte(manifests)); err != nil {
		t.Fatal(err)
	}
}

func admin(t *testing.T) client.Client {
	t.Helper()
	c, err := client.New(plane.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func listConfigMaps(ctx context.Context, t *testing.T, config *rest.Config, namespace string) error {
	t.Helper()
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c.List(ctx, &corev1.ConfigMapList{}, client.InNamespace(namespace))
}
