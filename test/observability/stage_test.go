package observability

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// patience is how long it may take to build an operator and to play all events.
const patience = 10 * time.Minute

const (
	tenant  = "tenant"
	account = "account"
)

// The users to log out, named by their results.
const (
	fine      = "fine"
	throttled = "throttled"
	unknown   = "unknown"  // to the service
	meddled   = "meddled"  // the outcome cannot be stored
	forgiven  = "forgiven" // fails once and then succeeds
	late      = "late"     // its notAfter has passed
	accepted  = "accepted" // answered 202, again and again
)

// stage is an operator process with everything that it needs.
type stage struct {
	*suite.Cluster
	service  *chimetest.Server
	operator *operatortest.Process
	printed  operatortest.Log
	itself   client.Client // the operator's own access
}

// newStage starts an operator with leader election and metrics.
func newStage(ctx context.Context, c *suite.Cluster) (*stage, error) {
	keys := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	s := &stage{Cluster: c, service: chimetest.NewServer(chimetest.Options{Credentials: []aws.Credentials{keys}})}
	found := operatortest.Manifests(
		operatortest.Tenant(tenant, true),
		operatortest.Secret("credentials", keys),
		operatortest.DefaultProvider(s.service.URL, 10, 5),
	)
	if err := c.Apply(ctx, found); err != nil {
		return nil, err
	}
	var err error
	if s.itself, err = client.New(c.Access, client.Options{Scheme: c.Admin.Scheme()}); err != nil {
		return nil, err
	}
	s.operator, err = operatortest.Start(operatortest.Options{
		Binary: c.Binary, Access: c.Access, Log: &s.printed, Metrics: true,
		Flags: []string{"--leader-elect", "--call-timeout=2s", "--visibility-timeout=4s"},
	})
	return s, err
}

func (s *stage) close() {
	if s.operator != nil {
		s.operator.Kill()
	}
	s.service.Close()
}

// play makes every event happen once that the operator counts, and returns when all logouts have finished.
func (s *stage) play(ctx context.Context) error {
	for _, user := range []string{fine, throttled, meddled, forgiven} {
		s.service.SignIn(account, user, "laptop")
	}
	s.service.Script(account, throttled, chimetest.Answer{Code: "ThrottledClientException"})
	s.service.Script(account, forgiven, chimetest.Answer{Code: "ServiceFailureException"})
	called := s.service.Hold(account, meddled)
	for _, user := range []string{meddled, fine, unknown, throttled, forgiven} {
		if err := s.create(ctx, user); err != nil {
			return err
		}
	}
	select {
	case <-called.Arrived():
	case <-ctx.Done():
		return fmt.Errorf("waited for the call for %s in vain", meddled)
	}
	err := errors.Join(s.meddle(ctx), s.createLate(ctx), s.createUnconfirmed(ctx))
	called.Release()
	if err != nil {
		return err
	}
	return s.awaitFinished(ctx, map[string]string{
		fine: v1alpha1.ReasonLoggedOut, throttled: v1alpha1.ReasonLoggedOut, meddled: v1alpha1.ReasonLoggedOut,
		forgiven: v1alpha1.ReasonLoggedOut, unknown: v1alpha1.ReasonNotFound, late: v1alpha1.ReasonDeadlineExceeded,
		accepted: v1alpha1.ReasonUnconfirmed,
	})
}

func (s *stage) create(ctx context.Context, user string) error {
	return s.Admin.Create(ctx, &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: user},
		Spec:       v1alpha1.UserLogoutSpec{AccountID: account, UserID: user},
	})
}

// createLate creates an object whose notAfter has passed.
func (s *stage) createLate(ctx context.Context) error {
	return s.Admin.Create(ctx, &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: late},
		Spec: v1alpha1.UserLogoutSpec{AccountID: account, UserID: late,
			NotAfter: ptr.To(metav1.NewTime(time.Now().Add(-time.Hour)))},
	})
}

// createUnconfirmed creates an object for which the service has answered four calls with a success that it does not
// document, as far as the status says: the calls would take a quarter of an hour. The fifth is made. The object is
// suspended until then, so that no call comes first.
func (s *stage) createUnconfirmed(ctx context.Context) error {
	s.service.Script(account, accepted, chimetest.Answer{Status: 202})
	obj := &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: accepted},
		Spec:       v1alpha1.UserLogoutSpec{AccountID: account, UserID: accepted, Suspend: ptr.To(true)},
	}
	if err := s.Admin.Create(ctx, obj); err != nil {
		return err
	}
	four := client.RawPatch(types.MergePatchType, []byte(`{"status": {"unconfirmedAttempts": 4}}`))
	resume := client.RawPatch(types.MergePatchType, []byte(`{"spec": {"suspend": false}}`))
	return errors.Join(s.itself.Status().Patch(ctx, obj.DeepCopy(), four), s.Admin.Patch(ctx, obj, resume))
}

// meddle changes the stored claim, which nobody may do, so that the API server rejects the outcome of the call: the
// operator counts the outcome as not stored, and, once the claim has expired, the call as repeated.
func (s *stage) meddle(ctx context.Context) error {
	obj := &v1alpha1.UserLogout{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: meddled}}
	return s.itself.Status().Patch(ctx, obj,
		client.RawPatch(types.MergePatchType, []byte(`{"status": {"attempts": 7}}`)))
}

// awaitFinished returns when all objects have finished, and an error if one of them has an unexpected reason.
func (s *stage) awaitFinished(ctx context.Context, reasons map[string]string) error {
	w, err := s.Admin.Watch(ctx, &v1alpha1.UserLogoutList{}, client.InNamespace(tenant))
	if err != nil {
		return err
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		obj, ok := event.Object.(*v1alpha1.UserLogout)
		if !ok || !meta.IsStatusConditionTrue(obj.Status.Conditions, v1alpha1.ConditionFinished) {
			continue
		}
		is := meta.FindStatusCondition(obj.Status.Conditions, v1alpha1.ConditionReady)
		if want := reasons[obj.Name]; want != "" && is.Reason != want {
			return fmt.Errorf("%s ended as %s, want %s: %s", obj.Name, is.Reason, want, is.Message)
		}
		if delete(reasons, obj.Name); len(reasons) == 0 {
			return nil
		}
	}
	return fmt.Errorf("waited in vain for these to finish: %v", reasons)
}
