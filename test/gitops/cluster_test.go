package gitops

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/cmd/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// patience is how long a test waits for anything before it fails.
const patience = time.Minute

const providerManifest = `
apiVersion: logout-operator.io/v1alpha1
kind: ClusterLogoutProvider
metadata: {name: %s}
spec:
  type: AmazonChime
  amazonChime: {endpoint: %q, credentials: {secretRef: {name: %s}}}
  accountIDs: [12a3456b-7c89-012d-3456-78901e23fg45]
  allowedNamespaces: {from: Selector, selector: {matchLabels: {logout-operator.io/allowed: "true"}}}
`

// applyProvider applies a provider, and removes it when the test is over.
func applyProvider(t *testing.T, name, endpoint, secret string) {
	t.Helper()
	apply(t, fmt.Sprintf(providerManifest, name, endpoint, secret))
	t.Cleanup(func() {
		if err := admin.Delete(context.Background(), named("ClusterLogoutProvider", name)); err != nil {
			t.Error(err)
		}
	})
}

const logoutManifest = `
apiVersion: logout-operator.io/v1alpha1
kind: UserLogout
metadata: {name: %[1]s, namespace: security}
spec:
  accountID: 12a3456b-7c89-012d-3456-78901e23fg45
  userID: %[1]s
  %[2]s
`

// logout is the manifest of a UserLogout for a user of its own, with additional lines in its spec.
func logout(name, spec string) string { return fmt.Sprintf(logoutManifest, name, spec) }

// apply does what GitOps tools do with manifests.
func apply(t *testing.T, manifests string) {
	t.Helper()
	if err := plane.Apply(t.Context(), []byte(manifests)); err != nil {
		t.Fatal(err)
	}
}

// edit merges JSON into an object, as kubectl patch does.
func edit(t *testing.T, kind, name, patch string) {
	t.Helper()
	if err := admin.Patch(t.Context(), named(kind, name),
		client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

// named is an object of one of the operator's kinds with only a name.
func named(kind, name string) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{}
	obj.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	obj.SetName(name)
	if kind == "UserLogout" {
		obj.SetNamespace(namespace)
	}
	return obj
}

// await watches an object until the condition holds, and returns it.
func await(
	t *testing.T, kind, name, what string, holds func(watch.EventType, *unstructured.Unstructured) bool,
) *unstructured.Unstructured {
	t.Helper()
	return follow(t, startWatch(t, kind, name), what, holds)
}

// startWatch watches an object: from now on no event is missed.
func startWatch(t *testing.T, kind, name string) watch.Interface {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	obj := named(kind, name)
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
	w, err := admin.Watch(ctx, list, client.InNamespace(obj.GetNamespace()),
		client.MatchingFields{"metadata.name": name})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// follow reads the events of a watch until the condition holds.
func follow(
	t *testing.T, w watch.Interface, what string, holds func(watch.EventType, *unstructured.Unstructured) bool,
) *unstructured.Unstructured {
	t.Helper()
	defer w.Stop()
	var last *unstructured.Unstructured
	for event := range w.ResultChan() {
		obj, ok := event.Object.(*unstructured.Unstructured)
		if !ok {
			t.Fatalf("watch: %v", event.Object)
		}
		if last = obj; holds(event.Type, obj) {
			return obj
		}
	}
	t.Fatalf("never %s; last: %v", what, last)
	return nil
}

// reasons waits until the object's conditions have these reasons for its current generation.
func reasons(t *testing.T, kind, name string, want map[string]string) *unstructured.Unstructured {
	t.Helper()
	return await(t, kind, name, fmt.Sprint(want), func(_ watch.EventType, obj *unstructured.Unstructured) bool {
		observed, _, _ := unstructured.NestedInt64(obj.Object, "status", "observedGeneration")
		for kind, reason := range want {
			if condition(obj, kind)["reason"] != reason {
				return false
			}
		}
		return observed == obj.GetGeneration()
	})
}

// ready waits until the object's Ready condition has the reason.
func ready(t *testing.T, kind, name, reason string) *unstructured.Unstructured {
	t.Helper()
	return reasons(t, kind, name, map[string]string{v1alpha1.ConditionReady: reason})
}

// condition returns a condition of an object; nil if there is none.
func condition(obj *unstructured.Unstructured, kind string) map[string]any {
	conditions, _, _ := unstructured.NestedSlice(obj.Object, "status", "conditions")
	for _, c := range conditions {
		if c := c.(map[string]any); c["type"] == kind {
			return c
		}
	}
	return nil
}

// startOperator starts an operator that ends with the test at the latest. Its timeouts allow calls to be held for as
// long as a test takes.
func startOperator(t *testing.T) *suite.Operator {
	t.Helper()
	return suite.Start(t, operatortest.Options{Binary: cluster.Binary, Access: cluster.Access,
		Flags: []string{"--call-timeout=2m", "--visibility-timeout=5m"}})
}

// kubectlWait reports whether kubectl wait --for=condition=Finished would return, using kubectl's own code.
func kubectlWait(t *testing.T, name string) bool {
	t.Helper()
	access := genericclioptions.NewConfigFlags(true)
	access.KubeConfig, access.Namespace, access.CacheDir = &kubeconfig, ptr.To(namespace), ptr.To(t.TempDir())
	flags := wait.NewWaitFlags(access, genericiooptions.IOStreams{Out: io.Discard, ErrOut: io.Discard})
	flags.ForCondition, flags.Timeout = []string{"condition=Finished"}, 0 // checks once
	options, err := flags.ToOptions([]string{"userlogout/" + name})
	if err != nil {
		t.Fatal(err)
	}
	err = options.RunWaitContext(t.Context())
	if err != nil && !strings.HasPrefix(err.Error(), "condition not met") {
		t.Fatal(err)
	}
	return err == nil
}
