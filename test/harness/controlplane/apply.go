package controlplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// fieldOwner is the field manager of everything that Apply writes.
const fieldOwner = client.FieldOwner("controlplane")

// Apply does as the administrator what kubectl apply --server-side --force-conflicts does with a YAML or JSON stream of
// any number of documents. It applies CustomResourceDefinitions first, and waits until they are served. The other
// objects follow in the given order, so a namespace must come before its objects. The error names the object that was
// rejected; the objects before it stay.
func (cp *ControlPlane) Apply(ctx context.Context, manifests []byte) error {
	objects, err := Decode(manifests)
	if err != nil {
		return err
	}
	var crds []*apiextensionsv1.CustomResourceDefinition
	var rest []*unstructured.Unstructured
	for _, obj := range objects {
		if obj.GroupVersionKind().GroupKind() != apiextensionsv1.Kind("CustomResourceDefinition") {
			rest = append(rest, obj)
			continue
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, crd); err != nil {
			return fmt.Errorf("CustomResourceDefinition %s: %w", obj.GetName(), err)
		}
		crds = append(crds, crd)
		if err := cp.apply(ctx, obj); err != nil {
			return err
		}
	}
	if len(crds) > 0 {
		options := envtest.CRDInstallOptions{PollInterval: 50 * time.Millisecond, MaxTime: patience}
		if err := envtest.WaitForCRDs(cp.Config, crds, options); err != nil {
			return fmt.Errorf("waiting for the CustomResourceDefinitions to be served: %w", err)
		}
	}
	for _, obj := range rest {
		if err := cp.apply(ctx, obj); err != nil {
			return err
		}
	}
	return nil
}

// AwaitServed returns when every kind that a CustomResourceDefinition defines has been served once since the definition
// changed. Call it before you delete one: a deletion while the storage is being prepared may take five minutes, because
// Kubernetes 1.37 retries at once, from an outdated copy, and takes the conflict for a change that will trigger it
// again.
func (cp *ControlPlane) AwaitServed(ctx context.Context) error {
	var crds unstructured.UnstructuredList
	crds.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinitionList"))
	if err := cp.client.List(ctx, &crds); err != nil {
		return err
	}
	for _, obj := range crds.Items {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, crd); err != nil {
			return err
		}
		var objects unstructured.UnstructuredList
		objects.SetGroupVersionKind(schema.GroupVersionKind{
			Group: crd.Spec.Group, Version: crd.Spec.Versions[0].Name, Kind: crd.Spec.Names.ListKind})
		var last error
		list := func(ctx context.Context) (bool, error) {
			last = cp.client.List(ctx, &objects, client.Limit(1))
			return last == nil, nil
		}
		if err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, list); err != nil {
			return fmt.Errorf("%s: %w: %w", crd.Name, err, last)
		}
	}
	return nil
}

func (cp *ControlPlane) apply(ctx context.Context, obj *unstructured.Unstructured) error {
	name := obj.GetKind() + " " + client.ObjectKeyFromObject(obj).String()
	err := cp.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(obj), fieldOwner, client.ForceOwnership)
	if err != nil {
		return fmt.Errorf("applying %s: %w", name, err)
	}
	return nil
}

// Decode returns the objects of a YAML stream. It skips documents that contain only comments.
func Decode(manifests []byte) ([]*unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), 4096)
	var objects []*unstructured.Unstructured
	for n := 1; ; n++ {
		var document runtime.RawExtension
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			return objects, nil
		} else if err != nil {
			return nil, fmt.Errorf("document %d of the manifests: %w", n, err)
		}
		if len(document.Raw) == 0 || bytes.Equal(document.Raw, []byte("null")) {
			continue
		}
		obj := &unstructured.Unstructured{}
		if err := obj.UnmarshalJSON(document.Raw); err != nil {
			return nil, fmt.Errorf("document %d of the manifests: %w", n, err)
		}
		objects = append(objects, obj)
	}
}

// MustDecode is Decode for a test; an error fails the test.
func MustDecode(t testing.TB, manifests []byte) []*unstructured.Unstructured {
	t.Helper()
	objects, err := Decode(manifests)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}
