package faults

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// endpoint is a provider with its own service and Secret, so that scenarios can run in parallel: a pause of one
// provider does not affect another. All endpoints have their objects in the same namespace.
type endpoint struct {
	*chimetest.Server
	on       cluster
	provider string // the provider's name, also that of its Secret
	limit    limit
	deadline int32 // activeDeadlineSeconds of its objects; 0 for the default
	objects  int
}

// limit is the rateLimit of a provider.
type limit struct{ perSecond, burst int }

// unlimited is a limit that is never reached.
var unlimited = limit{1000, 1000}

// cluster is a control plane and its administrator's access, which does not use a proxy.
type cluster struct {
	*controlplane.ControlPlane
	admin client.WithWatch
	proxy *apiproxy.Proxy // between the operators and the API server; nil for none
}

// common is the shared cluster of all scenarios that do not need their own.
func common() cluster { return cluster{plane, admin, nil} }

func (c cluster) apply(t *testing.T, manifest string) {
	t.Helper()
	if err := c.Apply(t.Context(), []byte(manifest)); err != nil {
		t.Fatal(err)
	}
}

const endpointManifest = `
apiVersion: logout-operator.io/v1alpha1
kind: ClusterLogoutProvider
metadata: {name: %[1]s}
spec:
  type: AmazonChime
  amazonChime: {endpoint: %[2]q, credentials: {secretRef: {name: %[1]s}}}
  accountIDs: [account]
  allowedNamespaces: {from: All}
  rateLimit: {requestsPerSecond: %[3]d, burst: %[4]d}
`

// validKeys are the keys that every endpoint's service accepts at first.
var validKeys = []aws.Credentials{
	{AccessKeyID: "AKIDFIRST", SecretAccessKey: "first"}, {AccessKeyID: "AKIDSECOND", SecretAccessKey: "second"},
}

// newEndpoint creates an endpoint without a Secret, whose provider's limit is never reached.
func newEndpoint(t *testing.T, on cluster) *endpoint {
	t.Helper()
	return newNamedEndpoint(t, on, "only")
}

// newNamedEndpoint creates one of several endpoints of a test.
func newNamedEndpoint(t *testing.T, on cluster, name string) *endpoint {
	t.Helper()
	e := &endpoint{Server: chimetest.NewServer(chimetest.Options{Credentials: validKeys}), on: on,
		provider: nameFor(t, 0) + "-" + name, limit: unlimited}
	e.serve(t)
	return e
}

// serve creates the provider, and removes everything of the endpoint at the end of the test.
func (e *endpoint) serve(t *testing.T) {
	t.Helper()
	t.Cleanup(e.Close)
	e.at(t, e.URL)
	t.Cleanup(func() {
		p := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: e.provider}}
		if err := e.on.admin.Delete(context.Background(), p); err != nil {
			t.Error(err)
		}
	})
}

// at sets the address of the provider's service.
func (e *endpoint) at(t *testing.T, url string) {
	t.Helper()
	e.on.apply(t, fmt.Sprintf(endpointManifest, e.provider, url, e.limit.perSecond, e.limit.burst))
}

// sign makes the operator sign with these keys from now on.
func (e *endpoint) sign(t *testing.T, keys aws.Credentials) {
	t.Helper()
	e.on.apply(t, operatortest.Secret(e.provider, keys))
}

// next returns an object that logs out another user of the endpoint.
func (e *endpoint) next() *v1alpha1.UserLogout {
	e.objects++
	name := e.name(e.objects)
	e.SignIn(account, name, "laptop", "phone")
	return &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: name},
		Spec: v1alpha1.UserLogoutSpec{AccountID: account, UserID: name, ActiveDeadlineSeconds: e.deadline,
			ProviderRef: v1alpha1.ProviderReference{Kind: "ClusterLogoutProvider", Name: e.provider}},
	}
}

// name of an object, and of its user, by its number from 1.
func (e *endpoint) name(i int) string { return fmt.Sprintf("%s-%d", e.provider, i) }

// create creates n objects that log out as many users.
func (e *endpoint) create(t *testing.T, n int) (objects []*v1alpha1.UserLogout) {
	t.Helper()
	for range n {
		objects = append(objects, e.created(t, e.next()))
	}
	return objects
}

func (e *endpoint) created(t *testing.T, obj *v1alpha1.UserLogout) *v1alpha1.UserLogout {
	t.Helper()
	if err := e.on.admin.Create(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
	return obj
}

// verify waits for the objects to finish and checks that each has the same result as without the fault and that its
// user is logged out. It returns how many calls were made beyond one for each object.
func (e *endpoint) verify(t *testing.T, objects ...*v1alpha1.UserLogout) (repeats int) {
	t.Helper()
	for _, obj := range objects {
		status := e.awaitFinished(t, obj)
		expectFaultFree(t, obj.Name, status)
		if n := len(e.Sessions(account, obj.Spec.UserID)); n > 0 {
			t.Errorf("%s: the user still has %d sessions", obj.Name, n)
		}
		repeats += e.Calls(account, obj.Spec.UserID) - 1
	}
	return repeats
}

// expectFaultFree checks that a status is the same as that of an object without a fault, except for times, request IDs,
// and the number of attempts.
func expectFaultFree(t *testing.T, name string, got v1alpha1.UserLogoutStatus) {
	t.Helper()
	condition := func(kind, reason string) metav1.Condition {
		return metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: reason, ObservedGeneration: 1,
			Message: "the service confirmed the logout"}
	}
	want := v1alpha1.UserLogoutStatus{
		ObservedGeneration: 1,
		Conditions: []metav1.Condition{
			condition(v1alpha1.ConditionReady, v1alpha1.ReasonLoggedOut),
			condition(v1alpha1.ConditionFinished, v1alpha1.ReasonSucceeded)},
		LastAttempt: &v1alpha1.AttemptStatus{HTTPStatusCode: 204},
	}
	complete := got.StartTime != nil && got.CompletionTime != nil && got.Attempts > 0
	got = *got.DeepCopy()
	got.StartTime, got.CompletionTime, got.Attempts, got.UnconfirmedAttempts = nil, nil, 0, 0
	for i := range got.Conditions {
		got.Conditions[i].LastTransitionTime = metav1.Time{}
	}
	if got.LastAttempt != nil {
		complete = complete && !got.LastAttempt.Time.IsZero()
		got.LastAttempt.Time, got.LastAttempt.RequestID = metav1.Time{}, ""
	}
	if !complete || !equality.Semantic.DeepEqual(got, want) {
		t.Errorf("%s is not as without the fault: %+v", name, got)
	}
}

func (e *endpoint) awaitFinished(t *testing.T, obj *v1alpha1.UserLogout) v1alpha1.UserLogoutStatus {
	t.Helper()
	obj = obj.DeepCopy()
	obj.ResourceVersion = "" // from now: the API server may have forgotten the older versions
	return e.awaitStatus(t, obj, "its end", func(s v1alpha1.UserLogoutStatus) bool {
		return meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionFinished)
	})
}

// awaitStatus waits until the object, since its creation, has such a status, and returns it. It looks at every status
// that the object gets.
func (e *endpoint) awaitStatus(
	t *testing.T, obj *v1alpha1.UserLogout, what string, is func(v1alpha1.UserLogoutStatus) bool,
) (last v1alpha1.UserLogoutStatus) {
	t.Helper()
	e.on.awaitSeen(t, &v1alpha1.UserLogoutList{}, obj, what, func(seen client.Object) bool {
		last = seen.(*v1alpha1.UserLogout).Status
		return is(last)
	})
	return last
}

// awaitProvider waits until the endpoint's provider has such a Ready condition.
func (e *endpoint) awaitProvider(t *testing.T, status metav1.ConditionStatus, reason string) {
	t.Helper()
	p := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: e.provider}}
	e.on.awaitSeen(t, &v1alpha1.ClusterLogoutProviderList{}, p, "Ready "+string(status)+" "+reason,
		func(seen client.Object) bool {
			ready := meta.FindStatusCondition(seen.(*v1alpha1.ClusterLogoutProvider).Status.Conditions,
				v1alpha1.ConditionReady)
			return ready != nil && ready.Status == status && ready.Reason == reason
		})
}

// awaitSeen watches an object from its resourceVersion, or from now if it has none, until it is as wanted.
func (c cluster) awaitSeen(
	t *testing.T, list client.ObjectList, obj client.Object, what string, is func(client.Object) bool,
) {
	t.Helper()
	c.awaitSeenWithin(t, longPatience, list, obj, what, is)
}

func (c cluster) awaitSeenWithin(
	t *testing.T, within time.Duration, list client.ObjectList, obj client.Object, what string,
	is func(client.Object) bool,
) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	w, err := c.admin.Watch(ctx, list, client.InNamespace(obj.GetNamespace()),
		client.MatchingFields{"metadata.name": obj.GetName()},
		&client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: obj.GetResourceVersion()}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	var last client.Object
	for event := range w.ResultChan() {
		if seen, ok := event.Object.(client.Object); ok {
			if last = seen; is(seen) {
				return
			}
		}
	}
	t.Fatalf("%s: waited for %s in vain: %+v", obj.GetName(), what, last)
}

// readyOf returns the Ready condition; a zero one if there is none.
func readyOf(s v1alpha1.UserLogoutStatus) metav1.Condition {
	if c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady); c != nil {
		return *c
	}
	return metav1.Condition{}
}
