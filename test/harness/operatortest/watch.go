package operatortest

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// Watch passes the UserLogouts of a namespace, and their changes, to a handler until the test is over.
func Watch(t testing.TB, config *rest.Config, namespace string, handler toolscache.ResourceEventHandler) {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	objects, err := cache.New(config, cache.Options{
		Scheme:            scheme,
		DefaultNamespaces: map[string]cache.Config{namespace: {}},
		DefaultTransform:  cache.TransformStripManagedFields(),
	})
	if err != nil {
		t.Fatal(err)
	}
	informer, err := objects.GetInformer(t.Context(), &v1alpha1.UserLogout{}, cache.BlockUntilSynced(false))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := informer.AddEventHandler(handler); err != nil {
		t.Fatal(err)
	}
	go func() { _ = objects.Start(t.Context()) }()
	if !objects.WaitForCacheSync(t.Context()) {
		t.Fatalf("no watch of the objects in %s", namespace)
	}
}
