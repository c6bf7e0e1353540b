// Package offboard is an example of a program that logs users out by UserLogout
// objects, and of its tests. It is about the tests: docs/testing.md.
package offboard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// patience is how long a logout is of use. It is also spec.notAfter, so that
// nobody logs the user out when this program has long given up.
const patience = 10 * time.Minute

// User is whom to log out.
type User struct{ AccountID, ID string }

// Offboard logs the user out of every device and returns when that has happened.
// The error says why it has not, or that this is not known.
func Offboard(ctx context.Context, c client.WithWatch, namespace string, user User) error {
	logout := &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "offboard-", Namespace: namespace},
		Spec: v1alpha1.UserLogoutSpec{
			AccountID: user.AccountID,
			UserID:    user.ID,
			NotAfter:  &metav1.Time{Time: time.Now().Add(patience)},
		},
	}
	if err := c.Create(ctx, logout); err != nil {
		return fmt.Errorf("asking for the logout: %w", err)
	}
	// Beyond notAfter, for the operator to say so.
	ctx, cancel := context.WithTimeout(ctx, patience+time.Minute)
	defer cancel()
	_, err := watchtools.Until(ctx, logout.ResourceVersion, watchOf(c, logout), over)
	if err != nil {
		return fmt.Errorf("UserLogout %s/%s: %w", namespace, logout.Name, err)
	}
	return nil
}

// watchOf watches this object alone.
func watchOf(c client.WithWatch, obj *v1alpha1.UserLogout) cache.Watcher {
	return &cache.ListWatch{WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
		return c.Watch(ctx, &v1alpha1.UserLogoutList{}, client.InNamespace(obj.Namespace),
			client.MatchingFields{"metadata.name": obj.Name}, &client.ListOptions{Raw: &o})
	}}
}

// over reports whether the object has finished, and why without a logout, if so.
func over(event watch.Event) (bool, error) {
	obj, ok := event.Object.(*v1alpha1.UserLogout)
	switch {
	case !ok:
		return false, fmt.Errorf("watch: %v", event.Object)
	case event.Type == watch.Deleted:
		return false, errors.New("deleted before it had finished")
	case !meta.IsStatusConditionTrue(obj.Status.Conditions, v1alpha1.ConditionFinished):
		return false, nil
	}
	if ready := meta.FindStatusCondition(obj.Status.Conditions, v1alpha1.ConditionReady); ready.Status != metav1.ConditionTrue {
		return false, fmt.Errorf("not logged out: %s: %s", ready.Reason, ready.Message)
	}
	return true, nil
}
