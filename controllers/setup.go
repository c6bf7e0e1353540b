package controllers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/follow"
	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
	"github.com/logout-operator/logout-operator/internal/providers"
	"github.com/logout-operator/logout-operator/internal/recorder"
	"github.com/logout-operator/logout-operator/internal/schema"
	"github.com/logout-operator/logout-operator/internal/turns"
)

// providersByReference is the cache index of ClusterLogoutProviders by the Secrets and ConfigMaps that they use.
const providersByReference = "providers-by-reference"

// withoutSlot is how many objects without a slot are reconciled at a time; half of them can be of one namespace. Most
// take microseconds. The others take a status write, and the fewer of these are in progress, the less the claims and
// outcomes of others wait at the API server. Five keep a small one busy.
const withoutSlot = 10

var namespaceKind = corev1.SchemeGroupVersion.WithKind("Namespace")

// maxVisibilityTimeout is the longest time for which a claim may prevent other attempts.
const maxVisibilityTimeout = lifecycle.MaxBackoff

// Options are the options of both reconcilers.
type Options struct {
	// Workers is how many attempts can be under way at a time for one provider; up to a fifth more if namespaces with
	// few calls would have to wait otherwise. All providers together can have twice Workers. One provider gets a slot
	// only while more are free than it already uses.
	Workers int
	// CallTimeout bounds an attempt from its claim to the end of its call.
	CallTimeout time.Duration
	// VisibilityTimeout is how long a claim stands: after a crash in the middle of an attempt, the next attempt is made
	// this long after the claim. It must be well above CallTimeout, by more than the difference between the clocks of
	// two operators.
	VisibilityTimeout time.Duration
	// Namespace is the operator's own namespace. Secrets and ConfigMaps are read from no other.
	Namespace string
	// AllowInsecureEndpoints allows http to hosts other than the loopback.
	AllowInsecureEndpoints bool
	// Schema stops all work while the API server serves the kinds of an older version; nil for never.
	Schema *schema.Guard
}

// Validate returns an error for options that are out of range or contradict each other. It names them by their flags.
func (o Options) Validate() error {
	switch {
	case o.Workers < 1:
		return fmt.Errorf("--workers must be at least 1, not %d", o.Workers)
	case o.CallTimeout <= 0:
		return fmt.Errorf("--call-timeout must be above zero, not %s", o.CallTimeout)
	case o.VisibilityTimeout < 2*o.CallTimeout:
		return fmt.Errorf("--visibility-timeout (%s) must be at least twice --call-timeout (%s), or an attempt could be retried while its call is in progress",
			o.VisibilityTimeout, o.CallTimeout)
	case o.VisibilityTimeout > maxVisibilityTimeout:
		return fmt.Errorf(
			"--visibility-timeout must be at most %s, not %s: no object waits longer for its next attempt",
			maxVisibilityTimeout, o.VisibilityTimeout)
	case o.Namespace == "":
		return errors.New("--namespace must not be empty")
	}
	return nil
}

// Setup registers both reconcilers with a manager, and returns drain. Call drain once the manager has begun to stop,
// for whatever cause. It stops new attempts, waits until the outcomes of those under way are stored or its context is
// done, and returns how many attempts it had to abandon. Then it writes the events that wait, for a short time.
func Setup(mgr ctrl.Manager, o Options) (drain func(context.Context) (abandoned int), err error) {
	resolver := &providers.Resolver{
		Reader:          mgr.GetClient(),
		SecretNamespace: o.Namespace,
		AllowInsecure:   o.AllowInsecureEndpoints,
	}
	gates, wake := gate.New(o.Workers), newWakeups()
	events := recorder.New(mgr.GetClient(), "logout-operator", mgr.GetLogger().WithName("events"), eventsDropped.Inc)
	unfinished, finished := newUnfinishedObjects(wake), newFinishedObjects(wake)
	logouts := &userLogoutReconciler{
		Options:    o,
		client:     mgr.GetClient(),
		apiReader:  mgr.GetAPIReader(),
		recorder:   events,
		providers:  resolver,
		gates:      gates,
		unfinished: unfinished,
		finished:   finished,
		wake:       wake,
		attempts:   newInflight(),
	}
	configs := &providerReconciler{client: mgr.GetClient(), recorder: events, providers: resolver, gates: gates,
		schema: o.Schema}
	serveMetrics(&collector{unfinished, finished, gates})
	drain = func(ctx context.Context) int {
		defer events.Flush(ctx)
		return logouts.attempts.drain(ctx)
	}
	return drain, errors.Join(warmUp(mgr, unfinished, finished), configs.setup(mgr),
		logouts.setup(mgr))
}

// warmUp makes standby replicas, too, load everything that the reconcilers read. Standbys do not act on it: the
// controllers, and with them the work queues, begin when the replica is elected.
func warmUp(mgr ctrl.Manager, unfinished *unfinishedObjects, finished *finishedObjects) error {
	ctx := context.Background()
	errs := []error{
		mgr.GetFieldIndexer().IndexField(
			ctx,
			&v1alpha1.ClusterLogoutProvider{},
			providersByReference,
			func(o client.Object) (all []string) {
				for _, r := range providers.References(o.(*v1alpha1.ClusterLogoutProvider)) {
					all = append(all, string(r))
				}
				return all
			},
		),
		mgr.AddReadyzCheck("userlogouts", func(*http.Request) error {
			if !unfinished.complete() {
				return errors.New("the UserLogouts are not all known yet")
			}
			return nil
		}),
	}
	for _, kind := range []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}, namespaceMetadata()} {
		_, err := mgr.GetCache().GetInformer(ctx, kind, cache.BlockUntilSynced(false))
		errs = append(errs, err)
	}
	for which, handler := range map[fields.Selector]follow.Handler{
		unfinishedSelector: unfinished, finishedSelector: finished,
	} {
		follower, err := follow.New(mgr, which, handler)
		errs = append(errs, err, mgr.Add(everyReplica(follower.Run)))
	}
	return errors.Join(errs...)
}

// everyReplica runs on standby replicas, too.
type everyReplica func(context.Context)

// Start implements manager.Runnable.
func (run everyReplica) Start(ctx context.Context) error {
	run(ctx)
	return nil
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (everyReplica) NeedLeaderElection() bool { return false }

// CacheOptions returns what the manager's cache has to hold for the reconcilers. UserLogouts are not in it: package
// store keeps them, in less memory.
func CacheOptions(o Options) cache.Options {
	own := cache.ByObject{Namespaces: map[string]cache.Config{o.Namespace: {}}}
	bundles := own
	bundles.Transform = onlyBundles
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject:         map[client.Object]cache.ByObject{&corev1.Secret{}: own, &corev1.ConfigMap{}: bundles},
	}
}

// onlyBundles drops what is in ConfigMaps of others: they can be in the operator's namespace, have a MiB each, and are
// not for it. Of a text without a certificate it keeps enough for the message that says so.
func onlyBundles(obj any) (any, error) {
	const enough = 64
	if m, ok := obj.(*corev1.ConfigMap); ok {
		m.BinaryData, m.ManagedFields = nil, nil
		for key, text := range m.Data {
			if len(text) > enough && !strings.Contains(text, "-----BEGIN ") {
				m.Data[key] = strings.Clone(text[:enough])
			}
		}
	}
	return obj, nil
}

// setup watches everything that can unblock an object, so that nothing has to be polled.
func (r *userLogoutReconciler) setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("userlogout").
		Watches(&v1alpha1.ClusterLogoutProvider{}, onChange(r.wakeForProvider), builder.WithPredicates(specChanged)).
		Watches(&corev1.Secret{}, onChange(r.wakeForReferenced)).
		Watches(&corev1.ConfigMap{}, onChange(r.wakeForReferenced)).
		WatchesMetadata(namespaceMetadata(), onChange(r.wakeInNamespace), builder.WithPredicates(labelsChanged)).
		WatchesRawSource(
			source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
				r.wake.begin(queue.(*turns.Queue))
				r.wake.later(r.unfinished.Keys()...)
				r.wake.later(r.finished.needing().Keys()...)
				go r.gates.CallUp(ctx, r.wake.called)
				return nil
			}),
		).
		WithOptions(r.queueInTurns()).
		Complete(r)
}

// queueInTurns makes the namespaces take turns. There is a worker for each slot that the gates give for all providers
// together, and for each object without a slot that is handed out at a time. So objects with slots and those without
// never wait for each other's workers.
func (r *userLogoutReconciler) queueInTurns() controller.Options {
	o := controllerOptions(2*r.Workers + withoutSlot)
	o.NewQueue = func(name string, limiter workqueue.TypedRateLimiter[reconcile.Request],
	) workqueue.TypedRateLimitingInterface[reconcile.Request] {
		return turns.New(withoutSlot, priorityqueue.New(name, func(p *priorityqueue.Opts[reconcile.Request]) {
			p.RateLimiter = limiter
		}))
	}
	return o
}

// onChange calls f for objects that are created, changed or deleted. It skips those that exist at the start, because
// every UserLogout is looked at then.
func onChange(f func(context.Context, client.Object)) handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, _ queue) {
			if !e.IsInInitialList {
				f(ctx, e.Object)
			}
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, _ queue) { f(ctx, e.ObjectNew) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, _ queue) { f(ctx, e.Object) },
	}
}

// wakeForProvider wakes all waiting objects of a provider that an administrator has changed.
func (r *userLogoutReconciler) wakeForProvider(ctx context.Context, provider client.Object) {
	r.renew(ctx, provider.GetName())
	r.wake.later(r.unfinished.OfProvider(provider.GetName())...)
}

// renew applies the changes of a provider to its gate, before the waiting objects are looked at again: what they do
// next depends on when the client was replaced. The provider's own reconciler cannot do this for them in time, because
// its workers wait for servers that issue credentials.
func (r *userLogoutReconciler) renew(ctx context.Context, name string) {
	var p v1alpha1.ClusterLogoutProvider
	if err := r.client.Get(ctx, client.ObjectKey{Name: name}, &p); err != nil {
		return // the provider was deleted
	}
	// otherwise the provider's own controller reports the error
	if service, err := r.providers.Client(ctx, &p); err == nil {
		r.gates.Update(gateOf(&p, service))
	}
}

func (r *userLogoutReconciler) wakeInNamespace(_ context.Context, namespace client.Object) {
	r.wake.later(r.unfinished.InNamespace(namespace.GetName())...)
}

// wakeForReferenced wakes the objects of all providers that use a Secret or ConfigMap.
func (r *userLogoutReconciler) wakeForReferenced(ctx context.Context, obj client.Object) {
	for _, p := range usersOf(ctx, r.client, obj) {
		r.wakeForProvider(ctx, &p)
	}
}

// namespaceMetadata returns a namespace of which only the metadata is read.
func namespaceMetadata() *metav1.PartialObjectMetadata {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(namespaceKind)
	return namespace
}

// usersOf returns the providers that use a Secret or ConfigMap. The cache holds only those of the operator's namespace,
// so kind and name are enough.
func usersOf(ctx context.Context, c client.Reader, obj client.Object) []v1alpha1.ClusterLogoutProvider {
	var list v1alpha1.ClusterLogoutProviderList
	used := client.MatchingFields{providersByReference: string(providers.ReferenceTo(obj))}
	if err := c.List(ctx, &list, used); err != nil {
		// the cache has no transient errors, so this is a bug
		ctrl.LoggerFrom(ctx).Error(err, "cannot list providers by reference")
	}
	return list.Items
}

// controllerOptions sets the retry backoff. Errors come from the API server, so they are retried at a pace that helps
// it recover; controller-runtime's default starts at 5 ms.
func controllerOptions(workers int) controller.Options {
	return controller.Options{
		MaxConcurrentReconciles: workers,
		RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](
			200*time.Millisecond,
			30*time.Second,
		),
	}
}
