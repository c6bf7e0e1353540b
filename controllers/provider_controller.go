package controllers

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
	"github.com/logout-operator/logout-operator/internal/providers"
	"github.com/logout-operator/logout-operator/internal/schema"
)

// providerWorkers is how many providers are checked at a time, so that one whose identity service hangs does not delay
// the others.
const providerWorkers = 4

// providerReconciler reports whether each ClusterLogoutProvider can be used.
type providerReconciler struct {
	client    client.Client // reads from the manager's cache
	recorder  events.EventRecorder
	providers *providers.Resolver
	gates     *gate.Gates
	schema    *schema.Guard
}

// +kubebuilder:rbac:groups=logout-operator.io,resources=clusterlogoutproviders/status,verbs=update
// +kubebuilder:rbac:groups="",namespace=logout-operator-system,resources=configmaps;secrets,verbs=list;watch

func (r *providerReconciler) setup(mgr ctrl.Manager) error {
	toUsers := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		var requests []reconcile.Request
		for _, p := range usersOf(ctx, r.client, obj) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&p)})
		}
		return requests
	})
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.ClusterLogoutProvider{}, builder.WithPredicates(specChanged)).
		Watches(&corev1.Secret{}, toUsers).
		Watches(&corev1.ConfigMap{}, toUsers).
		WatchesRawSource(source.Func(func(
			ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request],
		) error {
			go r.gates.Changes(ctx, func(name string) {
				queue.Add(reconcile.Request{NamespacedName: types.NamespacedName{Name: name}})
			})
			return nil
		})).
		WithOptions(controllerOptions(providerWorkers)).
		Complete(r)
}

// Reconcile checks one provider and writes its status.
func (r *providerReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	if !r.schema.Await(ctx) {
		return ctrl.Result{}, nil // the process is about to exit
	}
	var p v1alpha1.ClusterLogoutProvider
	if err := r.client.Get(ctx, req.NamespacedName, &p); err != nil {
		if apierrors.IsNotFound(err) {
			r.providers.Forget(req.Name)
			r.gates.Forget(req.Name)
			forgetProvider(req.Name)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	state, err := r.check(ctx, &p)
	if err != nil {
		return ctrl.Result{}, err
	}
	now := time.Now()
	status := lifecycle.ProviderStatus(&p, state, now)
	result := requeueAt(lifecycle.NextLook(state, now))
	if equality.Semantic.DeepEqual(p.Status, status) {
		return result, nil
	}
	before := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)
	p.Status = status
	if err := r.client.Status().Update(ctx, &p); apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: conflictDelay}, nil
	} else if err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	r.announce(&p, before)
	return result, nil
}

// check checks a provider's configuration and gate.
func (r *providerReconciler) check(
	ctx context.Context, p *v1alpha1.ClusterLogoutProvider,
) (lifecycle.ProviderState, error) {
	service, err := r.providers.Client(ctx, p)
	if problem, ok := errors.AsType[*providers.ConfigError](err); ok {
		return stateOf(r.stateUnusable(p, time.Now()), problem), nil
	}
	if err != nil {
		return lifecycle.ProviderState{}, err
	}
	state := r.gates.Update(gateOf(p, service))
	if _, err := metav1.LabelSelectorAsSelector(p.Spec.AllowedNamespaces.Selector); err != nil {
		return stateOf(state, &providers.ConfigError{
			Reason: v1alpha1.ReasonInvalidSpec, Message: "spec.allowedNamespaces.selector: " + err.Error()}), nil
	}
	var paused time.Time
	if state.Pause != nil {
		paused = state.Pause.Until
	}
	problem, recheck := r.providers.CheckCredentials(ctx, p, service, paused)
	is := stateOf(state, problem)
	is.Recheck = recheck
	return is, nil
}

// stateOf returns what the rules need to know about a provider.
func stateOf(g gate.State, problem *providers.ConfigError) lifecycle.ProviderState {
	s := lifecycle.ProviderState{Pause: pauseOf(g.Pause), PausedNamespaces: g.Namespaces, Waiting: g.Waiting,
		WaitingSince: g.WaitingSince}
	if problem != nil {
		s.Problem = &lifecycle.Problem{Reason: problem.Reason, Message: problem.Message}
	}
	return s
}

// stateUnusable returns the gate's state for a provider that cannot be used: a pause that its service has asked for still
// holds. If the process has no gate for the provider yet, the pause comes from the status.
func (r *providerReconciler) stateUnusable(p *v1alpha1.ClusterLogoutProvider, now time.Time) gate.State {
	if state, ok := r.gates.States()[p.Name]; ok {
		return state
	}
	restored := gateOf(p, nil).Restored
	if restored != nil && !now.Before(restored.Until.Add(gate.PauseExpiry)) {
		restored = nil
	}
	return gate.State{Pause: restored}
}

// announce emits an event if the reason of the Ready condition has changed, once that is stored.
func (r *providerReconciler) announce(p *v1alpha1.ClusterLogoutProvider, before *metav1.Condition) {
	is := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)
	if before != nil && before.Reason == is.Reason {
		return
	}
	kind := corev1.EventTypeWarning
	if is.Status == metav1.ConditionTrue {
		kind = corev1.EventTypeNormal
	}
	r.recorder.Eventf(p, nil, kind, is.Reason, "Check", "%s", is.Message)
}
