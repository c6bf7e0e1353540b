package e2e

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

const (
	tenant       = "e2e-tenant"
	providerName = "default"
	secretName   = "chime-credentials"
)

// key is an access key of the service.
type key struct{ id, secret string }

// firstKey is the key with which the service starts.
var firstKey = key{"AKIDEXAMPLE", "the-first-secret"}

// rig is everything that the scenarios of one installation share: a service, a provider for it, a tenant, and its
// objects.
type rig struct {
	service *service
	objects *population
}

// newRig creates these for an operator that is already running.
func newRig(t *testing.T, s *service) *rig {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tenant,
		Labels: map[string]string{"logout-operator.io/allowed": "true"}}}
	removeAtEnd(t, []client.Object{namespace})
	for _, o := range []client.Object{
		namespace,
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatortest.Namespace, Name: secretName},
			Data: firstKey.data()},
		&v1alpha1.ClusterLogoutProvider{
			ObjectMeta: metav1.ObjectMeta{Name: providerName},
			Spec: v1alpha1.ClusterLogoutProviderSpec{
				Type: v1alpha1.AmazonChimeProviderType,
				AmazonChime: &v1alpha1.AmazonChimeProvider{
					Endpoint:    s.endpoint,
					Credentials: &v1alpha1.Credentials{SecretRef: v1alpha1.SecretReference{Name: secretName}},
				},
				AccountIDs: []string{account},
				AllowedNamespaces: v1alpha1.AllowedNamespaces{
					From: v1alpha1.NamespacesFromSelector,
					Selector: &metav1.LabelSelector{
						MatchLabels: map[string]string{"logout-operator.io/allowed": "true"}},
				},
				RateLimit: fast,
			},
		},
	} {
		if err := admin.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	awaitProvider(t, "the provider to be ready", metav1.ConditionTrue)
	return &rig{s, watchPopulation(t)}
}

func (k key) data() map[string][]byte {
	return map[string][]byte{"AWS_ACCESS_KEY_ID": []byte(k.id), "AWS_SECRET_ACCESS_KEY": []byte(k.secret)}
}

// setKey writes a key into the Secret.
func setKey(t *testing.T, k key) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatortest.Namespace, Name: secretName}}
	change(t, secret, func() { secret.Data = k.data() })
}

// Rates: as fast as the operator can, and slow enough for a test to act in between.
var (
	fast = v1alpha1.RateLimit{RequestsPerSecond: 1000, Burst: 100}
	slow = v1alpha1.RateLimit{RequestsPerSecond: 10, Burst: 5}
)

func setRate(t *testing.T, rate v1alpha1.RateLimit) {
	t.Helper()
	provider := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: providerName}}
	change(t, provider, func() { provider.Spec.RateLimit = rate })
}

// change patches an object with the changes that f makes.
func change(t *testing.T, obj client.Object, f func()) {
	t.Helper()
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(obj), obj); err != nil {
		t.Fatal(err)
	}
	before := obj.DeepCopyObject().(client.Object)
	f()
	if err := admin.Patch(t.Context(), obj, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}

// awaitProvider waits for the provider's Ready condition to have this status, and returns it.
func awaitProvider(t *testing.T, what string, status metav1.ConditionStatus) metav1.Condition {
	t.Helper()
	p := awaitOne(t, what, &v1alpha1.ClusterLogoutProviderList{}, client.ObjectKey{Name: providerName},
		func(p *v1alpha1.ClusterLogoutProvider) bool {
			return meta.IsStatusConditionPresentAndEqual(p.Status.Conditions, v1alpha1.ConditionReady, status)
		})
	return *meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)
}

// logOutOne logs one user out and waits until the object has finished.
func (r *rig) logOutOne(t *testing.T, user string) {
	t.Helper()
	r.signIn(t, []string{user})
	r.logOut(t, []string{user})
	r.objects.await(t, user+" to be logged out", []string{user}, 1, finished)
}

// tally is a summary of the service's journal and the objects' statuses for some users.
type tally struct {
	// lost counts users whose session has not ended or whose object has a reason other than LoggedOut.
	lost int
	// repeats counts calls beyond the first, for each user, that the service has not rejected.
	repeats int
	// refused counts calls that the service has answered with an error.
	refused int
	// late counts objects that changed after their end.
	late int
	// keys are the access keys of the calls that were carried out, with the number of calls for each.
	keys map[string]int
}

// count waits until all objects have finished, and counts.
func (r *rig) count(t *testing.T, users []string) (sum tally) {
	t.Helper()
	r.objects.await(t, "all objects to finish", users, len(users), finished)
	entries := map[string][]chimetest.Entry{}
	for _, e := range r.service.journal(t) {
		entries[e.UserID] = append(entries[e.UserID], e)
	}
	sum.keys = map[string]int{}
	members, _ := r.objects.those(users)
	for _, user := range users {
		calls, ended := 0, 0
		for _, e := range entries[user] {
			if e.Code != "" {
				sum.refused++
				continue
			}
			calls, ended = calls+1, ended+e.SessionsEnded
			sum.keys[e.AccessKeyID]++
		}
		if ended != 1 || members[user].reason != v1alpha1.ReasonLoggedOut {
			sum.lost++
			t.Logf("%s: %d sessions ended by %d calls, and the object finished as %q", user, ended, calls,
				members[user].reason)
		}
		sum.repeats += max(0, calls-1)
		if members[user].late > 0 {
			sum.late++
		}
	}
	return sum
}

// check fails the test for objects that are lost or changed after their end, and for more repeats or rejected calls
// than allowed.
func (s tally) check(t *testing.T, repeats, refused int) {
	t.Helper()
	if s.lost > 0 || s.late > 0 || s.repeats > repeats || s.refused > refused {
		t.Errorf(
			"%d objects lost, %d changed after their end, %d calls repeated (at most %d are expected), %d refused (%d)",
			s.lost, s.late, s.repeats, repeats, s.refused, refused)
	}
}
