package controllers

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/providers"
	"github.com/logout-operator/logout-operator/internal/schema"
)

// Cache indexes.
const (
	// waitingByProvider holds the UserLogouts of the cache, which are the
	// unfinished ones, by their provider's name.
	waitingByProvider = "waiting-by-provider"
	// providersBySecret holds the ClusterLogoutProviders by their Secret's name.
	providersBySecret = "providers-by-secret"
)

var namespaceKind = corev1.SchemeGroupVersion.WithKind("Namespace")

// Options of both reconcilers.
type Options struct {
	// Workers is how many attempts can be under way at a time for one provider.
	// All providers together can have twice as many, of which each leaves to
	// the others as many as it has.
	Workers int
	// CallTimeout bounds an attempt from its claim to the end of its call.
	CallTimeout time.Duration
	// VisibilityTimeout is how long a claim stands: after a crash in
	// mid-attempt the next one is made this long after the claim. It must be
	// well above CallTimeout, by more than the clocks of two operators differ.
	VisibilityTimeout time.Duration
	// Namespace is the operator's own, the only one whose Secrets are read.
	Namespace string
	// AllowInsecureEndpoints allows http to other hosts than the loopback.
	AllowInsecureEndpoints bool
	// Schema holds up all work while the API server serves the kinds as an older
	// version had them; nil for never.
	Schema *schema.Guard
}

// Setup registers both reconcilers with a manager, and returns the drain to call
// once the manager has begun to stop, for whatever cause: it lets no attempt
// begin any more and waits for those under way until their outcomes are stored,
// or its context is done, and returns how many it had to abandon.
func Setup(mgr ctrl.Manager, o Options) (drain func(context.Context) (abandoned int), err error) {
	direct, err := client.NewWithWatch(mgr.GetConfig(), client.Options{HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper()})
	if err != nil {
		return nil, err
	}
	resolver := &providers.Resolver{Reader: mgr.GetClient(), SecretNamespace: o.Namespace, AllowInsecure: o.AllowInsecureEndpoints}
	gates, finished := gate.New(o.Workers), &finishedObjects{client: direct}
	recorder := mgr.GetEventRecorder("logout-operator")
	logouts := &userLogoutReconciler{
		Options: o, client: mgr.GetClient(), apiReader: mgr.GetAPIReader(), recorder: recorder,
		providers: resolver, gates: gates, finished: finished, attempts: newInflight()}
	configs := &providerReconciler{
		client: mgr.GetClient(), recorder: recorder, providers: resolver, gates: gates, schema: o.Schema}
	serveMetrics(&collector{mgr.GetClient(), finished, gates})
	return logouts.attempts.drain, errors.Join(indexFields(mgr), configs.setup(mgr), logouts.setup(mgr))
}

func indexFields(mgr ctrl.Manager) error {
	ctx, indexer := context.Background(), mgr.GetFieldIndexer()
	return errors.Join(
		indexer.IndexField(ctx, &v1alpha1.UserLogout{}, waitingByProvider, func(o client.Object) []string {
			return []string{o.(*v1alpha1.UserLogout).Spec.ProviderRef.Name}
		}),
		indexer.IndexField(ctx, &v1alpha1.ClusterLogoutProvider{}, providersBySecret, func(o client.Object) []string {
			return []string{providers.SecretName(o.(*v1alpha1.ClusterLogoutProvider))}
		}))
}

// CacheOptions are what the manager's cache has to hold for the reconcilers, in
// memory that does not grow with the number of finished objects.
func CacheOptions(o Options) cache.Options {
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&v1alpha1.UserLogout{}: {Field: unfinished},
			&corev1.Secret{}:       {Namespaces: map[string]cache.Config{o.Namespace: {}}},
		},
	}
}

// setup watches everything that can unblock an object, so that nothing has to
// be polled.
func (r *userLogoutReconciler) setup(mgr ctrl.Manager) error {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(namespaceKind)
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.UserLogout{}, builder.WithPredicates(predicate.NewPredicateFuncs(func(o client.Object) bool {
			return needsWork(o.(*v1alpha1.UserLogout))
		}))).
		Watches(&v1alpha1.ClusterLogoutProvider{}, handler.EnqueueRequestsFromMapFunc(r.waitingForProvider),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.waitingForSecret)).
		WatchesMetadata(namespace, handler.EnqueueRequestsFromMapFunc(r.waitingInNamespace),
			builder.WithPredicates(predicate.LabelChangedPredicate{})).
		WatchesRawSource(source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
			go r.finished.run(ctx, func(key types.NamespacedName) { queue.Add(reconcile.Request{NamespacedName: key}) })
			go r.gates.CallUp(ctx, func(key types.NamespacedName) { callUp(queue, key) })
			return nil
		})).
		WithOptions(controllerOptions(2 * r.Workers)). // as many as the gates let call, of all providers
		Complete(r)
}

// callUp enqueues an object that has its slot.
func callUp(queue workqueue.TypedRateLimitingInterface[reconcile.Request], key types.NamespacedName) {
	queue.(priorityqueue.PriorityQueue[reconcile.Request]).AddWithOpts(
		priorityqueue.AddOpts{Priority: ptr.To(priorityCalledUp)}, reconcile.Request{NamespacedName: key})
}

// waitingForProvider: what an administrator changes wakes all objects that wait.
func (r *userLogoutReconciler) waitingForProvider(ctx context.Context, provider client.Object) []reconcile.Request {
	r.renew(ctx, provider.GetName())
	return r.waiting(ctx, client.MatchingFields{waitingByProvider: provider.GetName()})
}

// renew takes over what has been changed of a provider, before the objects are
// looked at for which something may have been mended.
func (r *userLogoutReconciler) renew(ctx context.Context, name string) {
	var p v1alpha1.ClusterLogoutProvider
	if err := r.client.Get(ctx, client.ObjectKey{Name: name}, &p); err != nil {
		return // it is gone
	}
	if service, err := r.providers.Client(ctx, &p); err == nil { // else its own controller says so
		r.gates.Update(gateOf(&p, service))
	}
}

func (r *userLogoutReconciler) waitingInNamespace(ctx context.Context, namespace client.Object) []reconcile.Request {
	return r.waiting(ctx, client.InNamespace(namespace.GetName()))
}

func (r *userLogoutReconciler) waitingForSecret(ctx context.Context, secret client.Object) []reconcile.Request {
	var requests []reconcile.Request
	for _, p := range usersOfSecret(ctx, r.client, secret) {
		requests = append(requests, r.waitingForProvider(ctx, &p)...)
	}
	return requests
}

// waiting returns the unfinished objects among those listed.
func (r *userLogoutReconciler) waiting(ctx context.Context, which client.ListOption) []reconcile.Request {
	var list v1alpha1.UserLogoutList
	if err := r.client.List(ctx, &list, which, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list waiting UserLogouts") // the cache has no errors of the moment: a bug
		return nil
	}
	requests := make([]reconcile.Request, len(list.Items))
	for i := range list.Items {
		requests[i].NamespacedName = client.ObjectKeyFromObject(&list.Items[i])
	}
	return requests
}

// usersOfSecret returns the providers that use a Secret. The cache holds
// Secrets of the operator's namespace only, so the name is enough.
func usersOfSecret(ctx context.Context, c client.Reader, secret client.Object) []v1alpha1.ClusterLogoutProvider {
	var list v1alpha1.ClusterLogoutProviderList
	if err := c.List(ctx, &list, client.MatchingFields{providersBySecret: secret.GetName()}); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list providers by Secret") // the cache has no errors of the moment: a bug
	}
	return list.Items
}

// controllerOptions: errors are trouble with the API server, so they are retried
// at a pace that helps it recover; controller-runtime's default starts at 5 ms.
func controllerOptions(workers int) controller.Options {
	return controller.Options{
		MaxConcurrentReconciles: workers,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](200*time.Millisecond, 30*time.Second),
	}
}
