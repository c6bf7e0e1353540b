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
	"github.com/logout-operator/logout-operator/internal/providers"
)

const (
	// credentialsTimeout bounds one check of credentials.
	credentialsTimeout = 10 * time.Second
	// providerWorkers check providers at a time, so that one whose identity
	// service hangs does not hold up the others.
	providerWorkers = 4
)

// providerReconciler says whether each ClusterLogoutProvider can be used.
type providerReconciler struct {
	client    client.Client // reads from the manager's cache
	recorder  events.EventRecorder
	providers *providers.Resolver
	gates     *gate.Gates
}

// +kubebuilder:rbac:groups=logout-operator.io,resources=clusterlogoutproviders/status,verbs=update
// +kubebuilder:rbac:groups="",namespace=logout-operator-system,resources=secrets,verbs=list;watch

func (r *providerReconciler) setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.ClusterLogoutProvider{}, builder.WithPredicates(specChanged)).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, secret client.Object) []reconcile.Request {
			var requests []reconcile.Request
			for _, p := range usersOfSecret(ctx, r.client, secret) {
				requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&p)})
			}
			return requests
		})).
		WatchesRawSource(source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
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
	var p v1alpha1.ClusterLogoutProvider
	if err := r.client.Get(ctx, req.NamespacedName, &p); err != nil {
		if apierrors.IsNotFound(err) {
			r.providers.Forget(req.Name)
			r.gates.Forget(req.Name)
			forgetProvider(req.Name)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	problem, state, err := r.check(ctx, &p)
	if err != nil {
		return ctrl.Result{}, err
	}
	now := time.Now()
	status := providerStatus(&p, problem, state, now)
	result := requeueAt(providerLook(problem, state, now))
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

// check returns what is wrong with a provider's configuration, if anything, and
// the state of its gate.
func (r *providerReconciler) check(ctx context.Context, p *v1alpha1.ClusterLogoutProvider) (*providers.ConfigError, gate.State, error) {
	service, err := r.providers.Client(ctx, p)
	var problem *providers.ConfigError
	if errors.As(err, &problem) {
		return problem, gate.State{}, nil
	}
	if err != nil {
		return nil, gate.State{}, err
	}
	state := r.gates.Update(gateOf(p, service))
	if _, err := metav1.LabelSelectorAsSelector(p.Spec.AllowedNamespaces.Selector); err != nil {
		return &providers.ConfigError{Reason: v1alpha1.ReasonInvalidSpec, Message: "spec.allowedNamespaces.selector: " + err.Error()}, state, nil
	}
	ctx, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	if err := service.CheckCredentials(ctx); err != nil {
		return &providers.ConfigError{Reason: v1alpha1.ReasonCredentialsUnavailable, Message: err.Error()}, state, nil
	}
	return nil, state, nil
}

// announce emits an event for a change of the Ready condition, once it is stored.
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
