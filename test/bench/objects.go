package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
	"github.com/logout-operator/logout-operator/internal/logout"
	"github.com/logout-operator/logout-operator/test/harness/parallel"
)

// newNamespace creates a namespace whose UserLogouts the provider allows. Each measurement has its own.
func (s *stage) newNamespace(ctx context.Context) (string, error) {
	s.namespaces++
	name := fmt.Sprintf("bench-%d", s.namespaces)
	manifest := fmt.Sprintf(
		"{apiVersion: v1, kind: Namespace, metadata: {name: %s, labels: {logout-operator.io/allowed: 'true'}}}", name)
	return name, s.plane.Apply(ctx, []byte(manifest))
}

// create creates a UserLogout and its user.
func (s *stage) create(ctx context.Context, namespace, name string) (*v1alpha1.UserLogout, error) {
	s.service.SignIn(account, name, "laptop")
	obj := &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       v1alpha1.UserLogoutSpec{AccountID: account, UserID: name},
	}
	return obj, s.admin.Create(ctx, obj)
}

// createWaiting creates n UserLogouts that have not been carried out.
func (s *stage) createWaiting(ctx context.Context, namespace string, n int) error {
	return parallel.Do(ctx, n, func(ctx context.Context, i int) error {
		_, err := s.create(ctx, namespace, nameOf(namespace, i))
		return err
	})
}

// createFinished creates n UserLogouts that are already finished, as the operator would have left them.
func (s *stage) createFinished(ctx context.Context, namespace string, n int) error {
	return parallel.Do(ctx, n, func(ctx context.Context, i int) error {
		obj, err := s.create(ctx, namespace, nameOf(namespace, i))
		if err != nil {
			return err
		}
		now := time.Now()
		obj.Status = lifecycle.Claimed(obj, now, visibility)
		receipt := logout.Receipt{HTTPStatusCode: 204, RequestID: string(obj.UID)}
		obj.Status = lifecycle.LoggedOut(obj, now, receipt, now)
		return s.account.Status().Update(ctx, obj)
	})
}

func nameOf(namespace string, i int) string { return fmt.Sprintf("%s-%06d", namespace, i) }

// remove deletes all UserLogouts of a namespace, so that every measurement begins in the same state.
func (s *stage) remove(ctx context.Context, namespace string) error {
	var list v1alpha1.UserLogoutList
	if err := s.admin.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return err
	}
	return parallel.Do(ctx, len(list.Items), func(ctx context.Context, i int) error {
		return s.admin.Delete(ctx, &list.Items[i])
	})
}

// unfinished returns how many UserLogouts of a namespace have not finished. It returns an error if a finished one was
// not logged out by exactly one attempt, or has another status than the bare loop writes.
func (s *stage) unfinished(ctx context.Context, namespace string) (n int, err error) {
	var list v1alpha1.UserLogoutList
	if err := s.admin.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return 0, err
	}
	for i := range list.Items {
		obj := &list.Items[i]
		switch {
		case !finished(obj):
			n++
		case !undisturbed(obj):
			return 0, fmt.Errorf("%s has not the status of a logout without errors: %+v", obj.Name, obj.Status)
		}
	}
	return n, nil
}

// visibility is how long a claim lasts: the operator's default.
const visibility = 30 * time.Second

// undisturbed reports whether the status is, except for times and IDs, that of a logout by one attempt, whoever wrote
// it.
func undisturbed(obj *v1alpha1.UserLogout) bool {
	got := obj.Status
	if got.LastAttempt == nil || got.CompletionTime == nil {
		return false
	}
	claim := obj.DeepCopy()
	claim.Status = v1alpha1.UserLogoutStatus{}
	claim.Status = lifecycle.Claimed(claim, got.LastAttempt.Time.Time, visibility)
	receipt := logout.Receipt{HTTPStatusCode: int(got.LastAttempt.HTTPStatusCode), RequestID: got.LastAttempt.RequestID}
	want := lifecycle.LoggedOut(claim, got.LastAttempt.Time.Time, receipt, got.CompletionTime.Time)
	return equality.Semantic.DeepEqual(got, want)
}

func finished(obj *v1alpha1.UserLogout) bool {
	return meta.IsStatusConditionTrue(obj.Status.Conditions, v1alpha1.ConditionFinished)
}

// verifyCalls checks that the service was called exactly once for each of the first n objects of a namespace.
func (s *stage) verifyCalls(namespace string, n int) error {
	for i := range n {
		name := nameOf(namespace, i)
		if calls := s.service.Calls(account, name); calls != 1 {
			return fmt.Errorf("%d calls for %s, want 1", calls, name)
		}
	}
	return nil
}
