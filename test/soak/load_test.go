package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// load creates objects at an even pace and deletes as many: the oldest, and sometimes one that has just been created.
type load struct {
	ledger  *ledger
	chance  *rand.Rand
	pace    time.Duration // between two objects
	most    int           // objects at a time, at most
	ttl     int32         // ttlSecondsAfterFinished of some
	present []*v1alpha1.UserLogout
	users   int
	// recreated counts the objects that were created under the name of one that had just been deleted.
	recreated int
}

// run continues until the context is done.
func (l *load) run(ctx context.Context) error {
	pace := time.NewTicker(l.pace)
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-pace.C:
			// Complete a step that has begun: otherwise an object could exist that nobody knows of.
			if err := l.step(context.WithoutCancel(ctx)); err != nil {
				return err
			}
		}
	}
}

func (l *load) step(ctx context.Context) error {
	if n := len(l.present); n > 0 && l.chance.IntN(10) == 0 {
		youngest := l.present[n-1] // probably in an attempt
		l.present = l.present[:n-1]
		if err := l.delete(ctx, youngest); err != nil {
			return err
		}
		if l.chance.IntN(2) == 0 {
			l.recreated++
			if err := l.create(ctx, youngest.Name); err != nil {
				return err
			}
		}
	}
	if err := l.create(ctx, fmt.Sprintf("logout-%06d", l.users)); err != nil {
		return err
	}
	if len(l.present) <= l.most {
		return nil
	}
	oldest := l.present[0]
	l.present = l.present[1:]
	return l.delete(ctx, oldest)
}

// create signs a user in and creates the object that logs them out.
func (l *load) create(ctx context.Context, name string) error {
	user := fmt.Sprintf("user-%06d", l.users)
	l.users++
	service.SignIn(account, user, "laptop", "phone")
	obj := &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: name},
		Spec:       v1alpha1.UserLogoutSpec{AccountID: account, UserID: user},
	}
	if l.chance.IntN(5) == 0 {
		obj.Spec.TTLSecondsAfterFinished = ptr.To(l.ttl)
	}
	if err := cluster.Admin.Create(ctx, obj); err != nil {
		return err
	}
	l.ledger.created(obj)
	l.present = append(l.present, obj)
	return nil
}

// delete deletes exactly this object, unless its TTL has already deleted it.
func (l *load) delete(ctx context.Context, obj *v1alpha1.UserLogout) error {
	err := cluster.Admin.Delete(ctx, obj, client.Preconditions{UID: &obj.UID})
	if err == nil {
		l.ledger.deleted(obj)
	}
	return client.IgnoreNotFound(err)
}
