package chart_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/controlplane"
)

// The tests of this file use the same cluster-wide names, so each uninstalls what it has installed. Helm does not wait
// for pods, because no controllers run.

func TestInstallTwiceAndUninstall(t *testing.T) {
	c := admin(t)
	makeNamespace(t, c)
	before := everything(t)
	install(t)
	first := versions(t, c)
	install(t)
	if second := versions(t, c); !maps.Equal(first, second) {
		t.Errorf("the second time changed something:\n%v\n%v", first, second)
	}
	if len(first) < 15 {
		t.Errorf("only %d objects: %v", len(first), first)
	}
	secondReleaseIsRefused(t)

	mustHelm(t, "uninstall", release, "--namespace="+namespace)
	kept := []string{
		"CustomResourceDefinition clusterlogoutproviders.logout-operator.io",
		"CustomResourceDefinition userlogouts.logout-operator.io",
	}
	if left := added(before, everything(t)); !slices.Equal(left, kept) {
		t.Errorf("left after uninstall: %q", left)
	}

	install(t) // adopts the objects that were kept
	uninstallAll(t, before)
}

// secondReleaseIsRefused: two operators would fight, so Helm refuses a second release because the objects belong to the
// first.
func secondReleaseIsRefused(t *testing.T) {
	t.Helper()
	for _, values := range []string{"crds.enabled=true", "crds.enabled=false"} {
		_, err := helm(t, "install", "second", chart, "--namespace=second", "--create-namespace", "--set="+values)
		if err == nil || !strings.Contains(err.Error(), `current value is "logout-operator"`) {
			t.Errorf("a second release with %s: got %v, want it refused because of the first", values, err)
		}
	}
	if out := mustHelm(t, "list", "--namespace=second", "--short", "--deployed"); out != "" {
		t.Errorf("a second release is there: %s", out)
	}
}

// TestUpgradeFromOlderKinds upgrades from a chart whose UserLogout lacks a field and a column. The upgrade changes the
// CRD; it does not write a finished object.
func TestUpgradeFromOlderKinds(t *testing.T) {
	c := admin(t)
	makeNamespace(t, c)
	before := everything(t)
	install(t, olderChart(t), "--version=0.0.1")
	const column = "Completed"
	if has, _ := kindHas(t, c, column); has {
		t.Fatalf("the older kind has column %s", column)
	}
	obj := finishedLogout(t, c)

	install(t)
	hasColumn, hasField := kindHas(t, c, column)
	if !hasColumn || !hasField {
		t.Errorf("after the upgrade: column %t, field %t", hasColumn, hasField)
	}
	after := &v1alpha1.UserLogout{}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(obj), after); err != nil {
		t.Fatal(err)
	}
	if after.ResourceVersion != obj.ResourceVersion || after.UID != obj.UID {
		t.Errorf("the finished object was written: %v, was %v", after, obj)
	}
	if list := mustHelm(t, "list", "--namespace="+namespace, "--no-headers"); !strings.Contains(list,
		"logout-operator-0.1.0") {
		t.Errorf("not upgraded: %s", list)
	}
	uninstallAll(t, before)
}

// TestTakesOverFromKustomize: users who have installed with kubectl apply -k can switch to the chart.
func TestTakesOverFromKustomize(t *testing.T) {
	c := admin(t)
	makeNamespace(t, c)
	before := everything(t)
	rendered, err := controlplane.Kustomize(root + "/config/default")
	if err != nil {
		t.Fatal(err)
	}
	if err := plane.Apply(t.Context(), rendered); err != nil {
		t.Fatal(err)
	}
	obj := finishedLogout(t, c)
	if _, err := helm(t, installArgs()...); err == nil || !strings.Contains(err.Error(), "invalid ownership metadata") {
		t.Errorf("without being told to take over: %v", err)
	}
	install(t, "--take-ownership", "--force-conflicts")
	after := &v1alpha1.UserLogout{}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(obj), after); err != nil ||
		after.ResourceVersion != obj.ResourceVersion {
		t.Errorf("the finished object was written: %v, %v", after, err)
	}
	uninstallAll(t, before)
}

// install installs or upgrades to the chart, or to another chart if args begin with one.
func install(t *testing.T, args ...string) {
	t.Helper()
	mustHelm(t, installArgs(args...)...)
}

func installArgs(args ...string) []string {
	from := chart
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		from, args = args[0], args[1:]
	}
	return append([]string{"upgrade", "--install", release, from, "--namespace=" + namespace, "--create-namespace"},
		args...)
}

// uninstallAll uninstalls the release with its CRDs, as README.md of the chart describes, and checks that nothing is
// left.
func uninstallAll(t *testing.T, before map[string]bool) {
	t.Helper()
	install(t, "--set=crds.keep=false")
	if err := plane.AwaitServed(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustHelm(t, "uninstall", release, "--namespace="+namespace)
	// The API server deletes the objects of a CRD first, then the CRD.
	await.Eventually(t, "all to be gone", func(context.Context) error {
		if left := added(before, everything(t)); len(left) > 0 {
			return errors.New("left after uninstall: " + strings.Join(left, ", "))
		}
		return nil
	})
}

// olderChart is the chart as version 0.0.1, before UserLogout had a TTL and a column with its completion time.
func olderChart(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "logout-operator")
	if err := os.CopyFS(dir, os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(dir, "files", "crds", "logout-operator.io_userlogouts.yaml"),
		func(crd *unstructured.Unstructured) {
			versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
			if err != nil {
				t.Fatal(err)
			}
			version := versions[0].(map[string]any)
			columns := version["additionalPrinterColumns"].([]any)
			version["additionalPrinterColumns"] = slices.DeleteFunc(columns, func(c any) bool {
				return c.(map[string]any)["name"] == "Completed"
			})
			unstructured.RemoveNestedField(version, "schema", "openAPIV3Schema", "properties", "spec", "properties",
				"ttlSecondsAfterFinished")
			if err := unstructured.SetNestedSlice(crd.Object, versions, "spec", "versions"); err != nil {
				t.Fatal(err)
			}
		})
	edit(t, filepath.Join(dir, "Chart.yaml"), func(chart *unstructured.Unstructured) {
		chart.Object["version"] = "0.0.1"
	})
	mustHelm(t, "package", dir, "--destination="+filepath.Dir(dir))
	return filepath.Join(filepath.Dir(dir), "logout-operator-0.0.1.tgz")
}

// kindHas reports whether UserLogout has the column and the field that the older chart lacks.
func kindHas(t *testing.T, c client.Client, name string) (column, field bool) {
	t.Helper()
	crd := &unstructured.Unstructured{}
	crd.SetAPIVersion("apiextensions.k8s.io/v1")
	crd.SetKind("CustomResourceDefinition")
	if err := c.Get(t.Context(), client.ObjectKey{Name: "userlogouts.logout-operator.io"}, crd); err != nil {
		t.Fatal(err)
	}
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	version := versions[0].(map[string]any)
	columns, _, _ := unstructured.NestedSlice(version, "additionalPrinterColumns")
	column = slices.ContainsFunc(columns, func(c any) bool { return c.(map[string]any)["name"] == name })
	_, field, _ = unstructured.NestedMap(version, "schema", "openAPIV3Schema", "properties", "spec", "properties",
		"ttlSecondsAfterFinished")
	return column, field
}

// finishedLogout creates one whose status the operator's account has written, as the release's policy demands.
func finishedLogout(t *testing.T, c client.Client) *v1alpha1.UserLogout {
	t.Helper()
	obj := &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "offboard-jane"},
		Spec:       v1alpha1.UserLogoutSpec{AccountID: "acme", UserID: "jane"},
	}
	// The API server serves a new CRD a moment after Helm has installed it.
	await.Eventually(t, "the kind to be served", func(context.Context) error {
		return client.IgnoreAlreadyExists(c.Create(t.Context(), obj.DeepCopy()))
	})
	config, err := plane.ServiceAccountConfig(t.Context(), namespace, "logout-operator")
	if err != nil {
		t.Fatal(err)
	}
	operator, err := client.New(config, client.Options{Scheme: c.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	now := metav1.Now().Rfc3339Copy()
	status := v1alpha1.UserLogoutStatus{ObservedGeneration: 1, Attempts: 1, StartTime: &now, CompletionTime: &now}
	for condition, reason := range map[string]string{v1alpha1.ConditionFinished: "Succeeded",
		v1alpha1.ConditionReady: "LoggedOut"} {
		status.Conditions = append(status.Conditions, metav1.Condition{
			Type: condition, Status: metav1.ConditionTrue, Reason: reason, LastTransitionTime: now,
			ObservedGeneration: 1,
		})
	}
	// The permission and the policy take effect a moment after they are stored.
	forged := errors.New("anybody may write a status")
	await.Eventually(t, "the permission and the policy to count", func(context.Context) error {
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(obj), obj); err != nil {
			return err
		}
		obj.Status = status
		if err := c.Status().Update(t.Context(), obj, client.DryRunAll); !apierrors.IsForbidden(err) {
			return errors.Join(forged, err)
		}
		return operator.Status().Update(t.Context(), obj)
	})
	return obj
}

func admin(t *testing.T) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(plane.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// makeNamespace creates the release's namespace, which Helm then leaves alone.
func makeNamespace(t *testing.T, c client.Client) {
	t.Helper()
	err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	if client.IgnoreAlreadyExists(err) != nil {
		t.Fatal(err)
	}
}

// versions returns the resourceVersions of the objects of the release.
func versions(t *testing.T, c client.Client) map[string]string {
	t.Helper()
	found := map[string]string{}
	for key, obj := range decode(t, mustHelm(t, "get", "manifest", release, "--namespace="+namespace)) {
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(obj), obj); err != nil {
			t.Fatal(err)
		}
		found[key] = obj.GetResourceVersion()
	}
	return found
}

// passing are kinds whose objects the API server itself creates and deletes.
var passing = []string{"APIService", "Event", "Lease", "Namespace"}

// everything returns all objects of the cluster.
func everything(t *testing.T) map[string]bool {
	t.Helper()
	config := rest.CopyConfig(plane.Config)
	config.WarningHandler = rest.NoWarnings{} // do not log that kinds are deprecated
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	lists, err := d.ServerPreferredResources()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, list := range lists {
		for _, resource := range list.APIResources {
			if !slices.Contains(resource.Verbs, "list") || slices.Contains(passing, resource.Kind) {
				continue
			}
			gv, err := schema.ParseGroupVersion(list.GroupVersion)
			if err != nil {
				t.Fatal(err)
			}
			objects, err := c.Resource(gv.WithResource(resource.Name)).List(t.Context(), metav1.ListOptions{})
			if apierrors.IsNotFound(err) { // a kind that was deleted a moment ago
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", resource.Kind, err)
			}
			for i := range objects.Items {
				found[key(&objects.Items[i])] = true
			}
		}
	}
	return found
}

func added(before, after map[string]bool) []string {
	var keys []string
	for key := range after {
		if !before[key] {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func edit(t *testing.T, path string, change func(*unstructured.Unstructured)) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	obj := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(content, &obj.Object); err != nil {
		t.Fatal(err)
	}
	change(obj)
	if content, err = yaml.Marshal(obj.Object); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
