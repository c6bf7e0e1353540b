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
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/pacing"
	"github.com/logout-operator/logout-operator/internal/providers"
)

const (
	// credentialsTimeout bounds one check of credentials.
	credentialsTimeout = 10 * time.Second
	// credentialsRecheck is how soon to ask again for credentials that could
	// not be had: whatever gives them (STS, the node's identity) is not watched.
	credentialsRecheck = 30 * time.Second
	// providerWorkers check providers at a time, so that one whose identity
	// service hangs does not hold up the others.
	providerWorkers = 4
)

// providerReconciler says whether each ClusterLogoutProvider can be used.
type providerReconciler struct {
	client    client.Client // reads from the manager's cache
	recorder  events.EventRecorder
	providers *providers.Resolver
	pacer     *pacing.Pacer
}

// +kubebuilder:rbac:groups=logout-operator.io,resources=clusterlogoutproviders/status,verbs=update
// +kubebuilder:rbac:groups="",namespace=logout-operator-system,resources=secrets,verbs=get;list;watch

func (r *providerReconciler) setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.ClusterLogoutProvider{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, secret client.Object) []reconcile.Request {
			var requests []reconcile.Request
			for _, name := range usersOfSecret(ctx, r.client, secret) {
				requests = append(requests, reconcile.Request{NamespacedName: name})
			}
			return requests
		})).
		WithOptions(controllerOptions(providerWorkers)).
		Complete(r)
}

// Reconcile checks one provider and writes its conditions.
func (r *providerReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var p v1alpha1.ClusterLogoutProvider
	if err := r.client.Get(ctx, req.NamespacedName, &p); err != nil {
		if apierrors.IsNotFound(err) {
			r.providers.Forget(req.Name)
			r.pacer.Forget(req.Name)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	problem, err := r.check(ctx, &p)
	if err != nil {
		return ctrl.Result{}, err
	}
	result := ctrl.Result{}
	if problem != nil && problem.Reason == v1alpha1.ReasonCredentialsUnavailable {
		result.RequeueAfter = credentialsRecheck
	}
	status := providerStatus(&p, problem, time.Now())
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

// check returns what is wrong with a provider, if anything.
func (r *providerReconciler) check(ctx context.Context, p *v1alpha1.ClusterLogoutProvider) (*providers.ConfigError, error) {
	service, err := r.providers.Client(ctx, p)
	var problem *providers.ConfigError
	if errors.As(err, &problem) {
		return problem, nil
	}
	if err != nil {
		return nil, err
	}
	if _, err := metav1.LabelSelectorAsSelector(p.Spec.AllowedNamespaces.Selector); err != nil {
		return &providers.ConfigError{Reason: v1alpha1.ReasonInvalidSpec, Message: "spec.allowedNamespaces.selector: " + err.Error()}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	if err := service.CheckCredentials(ctx); err != nil {
		return &providers.ConfigError{Reason: v1alpha1.ReasonCredentialsUnavailable, Message: err.Error()}, nil
	}
	return nil, nil
}

// providerStatus is the status of a provider with this problem, or none.
func providerStatus(p *v1alpha1.ClusterLogoutProvider, problem *providers.ConfigError, now time.Time) v1alpha1.ClusterLogoutProviderStatus {
	s := *p.Status.DeepCopy()
	s.ObservedGeneration = p.Generation
	set := func(kind string, v verdict) { setCondition(&s.Conditions, kind, v, p.Generation, now) }
	meta.RemoveStatusCondition(&s.Conditions, v1alpha1.ConditionReconciling)
	meta.RemoveStatusCondition(&s.Conditions, v1alpha1.ConditionStalled)
	if problem == nil {
		set(v1alpha1.ConditionReady, verdict{metav1.ConditionTrue, v1alpha1.ReasonAvailable, "the endpoint is valid and the credentials resolve"})
		return s
	}
	set(v1alpha1.ConditionReady, verdict{metav1.ConditionFalse, problem.Reason, problem.Message})
	switch problem.Reason {
	case v1alpha1.ReasonInvalidEndpoint, v1alpha1.ReasonInvalidSpec: // only a change of the spec helps
		set(v1alpha1.ConditionStalled, verdict{metav1.ConditionTrue, problem.Reason, problem.Message})
	default:
		set(v1alpha1.ConditionReconciling, verdict{metav1.ConditionTrue, v1alpha1.ReasonProgressingWithRetry, problem.Message})
	}
	return s
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
