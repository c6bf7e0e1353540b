package overload

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/parallel"
)

// target is a provider with a service of its own, and a namespace whose objects use it.
type target struct {
	*service
	provider  string
	namespace string
	prefix    string // of the names of its objects
	objects   *population

	mu      sync.Mutex
	created map[string]time.Time // when the creation of each object began, by its name and user
}

// limit is the rateLimit of a provider.
type limit struct{ perSecond, burst int }

// normal is the provider's limit in most scenarios.
var normal = limit{perSecond: 100, burst: 5}

const (
	providerManifest = `
apiVersion: logout-operator.io/v1alpha1
kind: ClusterLogoutProvider
metadata: {name: %s}
spec:
  type: AmazonChime
  amazonChime: {endpoint: "http://%s", credentials: {secretRef: {name: credentials}}}
  accountIDs: [account]
  allowedNamespaces: {from: All}
  rateLimit: {requestsPerSecond: %d, burst: %d}
`
	namespaceManifest = `
apiVersion: v1
kind: Namespace
metadata: {name: %s}
`
)

// targets counts the names so far: none is used twice, because nothing here completes the deletion of a namespace.
var targets int

func newName(prefix string) string {
	targets++
	return fmt.Sprintf("%s-%d", prefix, targets)
}

// newTarget creates a target for the test. Its objects and its provider are deleted when the test is over, so that the
// next operator has little to read.
func newTarget(t *testing.T, name string, l limit, o chimetest.Options) *target {
	t.Helper()
	s := newService(t, o)
	provider := newName(name)
	apply(t, fmt.Sprintf(providerManifest, provider, s.address, l.perSecond, l.burst))
	t.Cleanup(func() {
		p := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: provider}}
		if err := cluster.Admin.Delete(context.Background(), p); err != nil {
			t.Error(err)
		}
	})
	return newTenant(t, name, s, provider)
}

// newTenant creates another namespace whose objects use the provider.
func newTenant(t *testing.T, name string, s *service, provider string) *target {
	t.Helper()
	x := &target{service: s, provider: provider, namespace: newName(name), created: map[string]time.Time{}}
	x.prefix = x.namespace
	apply(t, fmt.Sprintf(namespaceManifest, x.namespace))
	x.objects = watchPopulation(t, x.namespace)
	t.Cleanup(func() { deleteAll(t, x.namespace) })
	return x
}

func apply(t *testing.T, manifest string) {
	t.Helper()
	if err := cluster.Apply(t.Context(), []byte(manifest)); err != nil {
		t.Fatal(err)
	}
}

// deleteAll deletes the objects of the namespace. A request to delete thousands may time out, so deleteAll repeats it.
func deleteAll(t *testing.T, namespace string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), await.Patience)
	defer cancel()
	for {
		err := cluster.Admin.DeleteAllOf(ctx, &v1alpha1.UserLogout{}, client.InNamespace(namespace))
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Errorf("deleting the objects of %s: %v", namespace, err)
			return
		}
	}
}

// createMany signs in n more users and creates the objects that log them out. It returns their names.
func (x *target) createMany(ctx context.Context, n int) ([]string, error) {
	x.mu.Lock()
	first := len(x.created)
	x.mu.Unlock()
	names := make([]string, n)
	for i := range names {
		names[i] = x.name(first + i)
	}
	return names, parallel.Do(ctx, n, func(ctx context.Context, i int) error { return x.createOne(ctx, names[i]) })
}

// name of an object, and of its user, by its number.
func (x *target) name(i int) string { return fmt.Sprintf("%s-%05d", x.prefix, i) }

func (x *target) createOne(ctx context.Context, name string) error {
	x.SignIn(account, name, "laptop", "phone")
	x.mu.Lock()
	x.created[name] = time.Now()
	x.mu.Unlock()
	return cluster.Admin.Create(ctx, &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: x.namespace, Name: name},
		Spec: v1alpha1.UserLogoutSpec{
			AccountID:   account,
			UserID:      name,
			ProviderRef: v1alpha1.ProviderReference{Name: x.provider},
		},
	})
}

// create creates n objects and returns their names once they exist.
func (x *target) create(t *testing.T, n int) []string {
	t.Helper()
	names, err := x.createMany(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// creating creates n objects in the background; wait returns when they exist.
func (x *target) creating(t *testing.T, n int) (wait func()) {
	t.Helper()
	var background errgroup.Group
	background.Go(func() error {
		_, err := x.createMany(t.Context(), n)
		return err
	})
	return func() {
		t.Helper()
		if err := background.Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

// creation returns when the creation of each object began, by its name.
func (x *target) creation() map[string]time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	return maps.Clone(x.created)
}
