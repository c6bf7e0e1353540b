package controllers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/await"
)

// The tests below block an object by something outside it, and check that its status shows the reason and that no call
// is made. Then they fix the cause and expect the logout. The operator polls nothing, so only the watch under test can
// have woken the object.

func TestProviderCreatedLate(t *testing.T) {
	tt := newTenant(t)
	name := tt.provider + "-late"
	obj := tt.logout(func(o *v1alpha1.UserLogout) { o.Spec.ProviderRef.Name = name })
	got := awaitReason(tt, obj, v1alpha1.ReasonProviderNotFound)
	if meta.FindStatusCondition(got.Status.Conditions, v1alpha1.ConditionReconciling) == nil ||
		got.Status.Attempts != 0 {
		t.Errorf("waiting: %+v", got.Status)
	}
	wantCalls(tt, obj, 0)
	awaitEvent(tt, obj, v1alpha1.ReasonProviderNotFound)
	tt.provider = name
	tt.createProvider()
	awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
}

func TestProviderDeletedAndCreatedAgain(t *testing.T) {
	tt := newTenant(t)
	awaitReason(tt, tt.logout(), v1alpha1.ReasonLoggedOut)
	if err := cluster.Delete(t.Context(),
		&v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: tt.provider}}); err != nil {
		t.Fatal(err)
	}
	// The cache may be behind, so the first logout may still succeed.
	for reason := ""; reason != v1alpha1.ReasonProviderNotFound; {
		got := await.Object(tt, cluster, tt.logout(), "seen", func(o *v1alpha1.UserLogout) bool {
			r := readyReason(o.Status.Conditions)
			return r == v1alpha1.ReasonProviderNotFound || r == v1alpha1.ReasonLoggedOut
		})
		reason = readyReason(got.Status.Conditions)
	}
	waiting := tt.logout()
	awaitReason(tt, waiting, v1alpha1.ReasonProviderNotFound)
	tt.createProvider()
	awaitReason(tt, waiting, v1alpha1.ReasonLoggedOut)
	wantCalls(tt, waiting, 1)
}

func TestNamespaceAllowedLate(t *testing.T) {
	tt := newTenant(t)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tt.namespace,
		Labels: map[string]string{"allowed": "true"}}}
	patch(tt, namespace, func(n *corev1.Namespace) { n.Labels["allowed"] = "false" })
	obj := tt.logout()
	got := awaitReason(tt, obj, v1alpha1.ReasonNotAllowed)
	if m := meta.FindStatusCondition(got.Status.Conditions,
		v1alpha1.ConditionReady).Message; !strings.Contains(m, tt.namespace) {
		t.Errorf("message %q", m)
	}
	wantCalls(tt, obj, 0)
	patch(tt, namespace, func(n *corev1.Namespace) { n.Labels["allowed"] = "true" })
	awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
}

func TestAccountAllowedLate(t *testing.T) {
	tt := newTenant(t, func(p *v1alpha1.ClusterLogoutProvider) { p.Spec.AccountIDs = []string{"another"} })
	obj := tt.logout()
	awaitReason(tt, obj, v1alpha1.ReasonNotAllowed)
	wantCalls(tt, obj, 0)
	patch(tt, awaitProvider(tt, v1alpha1.ReasonAvailable),
		func(p *v1alpha1.ClusterLogoutProvider) { p.Spec.AccountIDs = []string{"*"} })
	awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
}

func TestSecretCreatedLate(t *testing.T) {
	tt := newTenant(t,
		func(p *v1alpha1.ClusterLogoutProvider) { p.Spec.AmazonChime.Credentials.SecretRef.Name += "-late" })
	obj := tt.logout()
	got := awaitReason(tt, obj, v1alpha1.ReasonProviderNotReady)
	tt.secret += "-late"
	if m := meta.FindStatusCondition(got.Status.Conditions,
		v1alpha1.ConditionReady).Message; !strings.Contains(m, tt.secret) {
		t.Errorf("message %q does not name the Secret", m)
	}
	p := awaitProvider(tt, v1alpha1.ReasonSecretNotFound)
	awaitEvent(tt, p, v1alpha1.ReasonSecretNotFound)
	wantCalls(tt, obj, 0)
	tt.createSecret(credentials)
	awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
	awaitProvider(tt, v1alpha1.ReasonAvailable)
}

func TestSecretFixedLate(t *testing.T) {
	tt := newTenant(t)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: tt.secret}}
	patch(tt, secret, func(s *corev1.Secret) { s.Data = map[string][]byte{"AWS_SECRET_ACCESS_KEY": nil} })
	p := awaitProvider(tt, v1alpha1.ReasonInvalidSecret)
	if m := meta.FindStatusCondition(p.Status.Conditions,
		v1alpha1.ConditionReady).Message; !strings.Contains(m, "AWS_SECRET_ACCESS_KEY") {
		t.Errorf("message %q does not name the key", m)
	}
	obj := tt.logout()
	awaitReason(tt, obj, v1alpha1.ReasonProviderNotReady)
	wantCalls(tt, obj, 0)
	patch(tt, secret, func(s *corev1.Secret) { s.StringData = secretData(credentials) })
	awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
}

func TestSecretRotated(t *testing.T) {
	tt := newTenant(t)
	awaitReason(tt, tt.logout(), v1alpha1.ReasonLoggedOut)
	began := time.Now()
	for _, obj := range []*v1alpha1.UserLogout{tt.logout(), tt.logout(), tt.logout(), tt.logout(), tt.logout(),
		tt.logout()} {
		awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
	}
	usual := time.Since(began) // the time for as many objects as will resume
	rotated := aws.Credentials{AccessKeyID: "AKIDROTATED", SecretAccessKey: "another"}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: tt.secret}}
	patch(tt, secret, func(s *corev1.Secret) { s.StringData = secretData(rotated) })
	// Until the service knows the new key it refuses the call, and the status shows that.
	refused := tt.logout()
	got := await.Object(tt, cluster, refused, "finished or refused", func(o *v1alpha1.UserLogout) bool { return o.Status.LastAttempt != nil })
	if reason := readyReason(got.Status.Conditions); reason != v1alpha1.ReasonUnauthorized {
		t.Errorf("signed with the old key: %s", reason)
	}
	if got.Status.NextAttemptTime.Sub(got.Status.LastAttempt.Time.Time).Seconds() < 30 {
		t.Errorf("an attempt that somebody has to fix first is repeated at %s", got.Status.NextAttemptTime)
	}
	others := []*v1alpha1.UserLogout{tt.logout(), tt.logout(), tt.logout(), tt.logout(), tt.logout()}
	p := awaitProvider(tt, v1alpha1.ReasonUnauthorized)
	if p.Status.Hold == nil || p.Status.Hold.NextProbeTime.Sub(p.Status.Hold.Since.Time) < 5*time.Second {
		t.Errorf("hold %+v", p.Status.Hold)
	}
	patch(tt, secret, func(s *corev1.Secret) { s.StringData = secretData(credentials) })
	began = time.Now()
	for _, obj := range append(others, refused) {
		awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
	}
	// 5 s is the shortest pause of the gate, and the backoff of the object is longer
	if took := time.Since(began); took > 5*time.Second+2*usual {
		t.Errorf("resumed %s after the Secret was fixed; without a failure that takes %s", took, usual)
	}
	if p := awaitProvider(tt, v1alpha1.ReasonAvailable); p.Status.Hold != nil {
		t.Errorf("still held: %+v", p.Status.Hold)
	}
}

func TestEndpointsThatCannotBeUsed(t *testing.T) {
	for _, tt := range []struct{ name, endpoint, message string }{
		{"plain http", "http://service.chime.aws.amazon.com", "https://"},
		{"a query", "https://service.chime.aws.amazon.com/?a=b", "query"},
		{"a password", "https://user:password@service.chime.aws.amazon.com", "password"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tn := newTenant(t, func(p *v1alpha1.ClusterLogoutProvider) { p.Spec.AmazonChime.Endpoint = tt.endpoint })
			p := awaitProvider(tn, v1alpha1.ReasonInvalidEndpoint)
			c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)
			if !strings.Contains(c.Message, "spec.amazonChime.endpoint") || !strings.Contains(c.Message, tt.message) {
				t.Errorf("message %q", c.Message)
			}
			if !meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionStalled) {
				t.Error("not Stalled, although only a change of the spec helps")
			}
			obj := tn.logout()
			awaitReason(tn, obj, v1alpha1.ReasonProviderNotReady)
			wantCalls(tn, obj, 0)
			patch(tn, p, func(p *v1alpha1.ClusterLogoutProvider) { p.Spec.AmazonChime.Endpoint = service.URL })
			awaitReason(tn, obj, v1alpha1.ReasonLoggedOut)
		})
	}
}

func TestNoIdentity(t *testing.T) {
	tt := newTenant(t, func(p *v1alpha1.ClusterLogoutProvider) { p.Spec.AmazonChime.Credentials = nil })
	p := awaitProvider(tt, v1alpha1.ReasonCredentialsUnavailable)
	if meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReconciling) == nil {
		t.Error("not Reconciling, although an identity may come")
	}
	obj := tt.logout()
	awaitReason(tt, obj, v1alpha1.ReasonUnauthorized)
	wantCalls(tt, obj, 0)
}

func TestAssumesARole(t *testing.T) {
	tt := newTenant(t, func(p *v1alpha1.ClusterLogoutProvider) {
		p.Spec.AmazonChime.AssumeRole = &v1alpha1.AssumeRole{RoleARN: "arn:aws:iam::123456789012:role/logout",
			ExternalID: "other"}
	})
	p := awaitProvider(tt, v1alpha1.ReasonCredentialsUnavailable)
	if m := meta.FindStatusCondition(p.Status.Conditions,
		v1alpha1.ConditionReady).Message; !strings.Contains(m, "AccessDenied") {
		t.Errorf("message %q", m)
	}
	patch(tt, p, func(p *v1alpha1.ClusterLogoutProvider) { p.Spec.AmazonChime.AssumeRole.ExternalID = "acme" })
	awaitProvider(tt, v1alpha1.ReasonAvailable)
	obj := tt.logout()
	awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
	for _, entry := range service.Journal() {
		if entry.UserID == obj.Spec.UserID && entry.AccessKeyID != roleCredentials.AccessKeyID {
			t.Errorf("signed by %s, not by the role", entry.AccessKeyID)
		}
	}
}

func TestMalformedKey(t *testing.T) {
	tt := newTenant(t)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: tt.secret}}
	patch(tt, secret,
		func(s *corev1.Secret) { s.StringData = map[string]string{"AWS_SECRET_ACCESS_KEY": malformedKey} })
	p := awaitProvider(tt, v1alpha1.ReasonInvalidSecret)
	if m := meta.FindStatusCondition(p.Status.Conditions,
		v1alpha1.ConditionReady).Message; !strings.Contains(m, tt.secret) || strings.Contains(m, malformedKey) {
		t.Errorf("message %q", m)
	}
}
