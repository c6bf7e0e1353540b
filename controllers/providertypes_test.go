package controllers_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/providertest"
)

// These tests run for every type of provider that providertest describes.

// newTenantOf is newTenant for a type of provider. It has a service of its own, and one set of the service's
// credentials in the Secret.
func newTenantOf(t *testing.T, p providertest.Fixture, secret int) (*tenant, *providertest.Server) {
	t.Helper()
	t.Parallel()
	name := unique(t)
	tt := &tenant{T: t, namespace: name, provider: name, secret: name}
	tt.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name,
		Labels: map[string]string{"allowed": "true"}}})
	tt.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: name},
		StringData: p.Secrets[secret]})
	service := providertest.NewServer(t, p)
	tt.createProvider(func(o *v1alpha1.ClusterLogoutProvider) { o.Spec = specOf(p, service.URL, name, o.Spec) })
	return tt, service
}

// specOf returns the spec of a type with this endpoint, and the policy of another spec.
func specOf(
	p providertest.Fixture, endpoint, secret string, policy v1alpha1.ClusterLogoutProviderSpec,
) v1alpha1.ClusterLogoutProviderSpec {
	spec := p.Spec(endpoint, secret)
	spec.AccountIDs, spec.AllowedNamespaces, spec.RateLimit = []string{p.AccountID}, policy.AllowedNamespaces,
		policy.RateLimit
	return spec
}

// logoutOf creates a UserLogout for the user that a type's calls concern.
func (t *tenant) logoutOf(p providertest.Fixture) *v1alpha1.UserLogout {
	t.Helper()
	obj := t.newLogout(func(o *v1alpha1.UserLogout) { o.Spec.AccountID, o.Spec.UserID = p.AccountID, p.UserID })
	t.create(obj)
	return obj
}

func forEachType(t *testing.T, run func(*testing.T, providertest.Fixture)) {
	for _, p := range providertest.All {
		t.Run(p.Name(), func(t *testing.T) { run(t, p) })
	}
}

func TestTypeLogsOut(t *testing.T) {
	forEachType(t, func(t *testing.T, p providertest.Fixture) {
		tt, service := newTenantOf(t, p, 0)
		awaitProvider(tt, v1alpha1.ReasonAvailable)
		got := awaitReason(tt, tt.logoutOf(p), v1alpha1.ReasonLoggedOut)
		last := got.Status.LastAttempt
		if last == nil || int(last.HTTPStatusCode) != p.LoggedOut.Status || last.RequestID != p.RequestID ||
			got.Status.Attempts != 1 {
			t.Errorf("status %+v", got.Status)
		}
		if calls := service.Calls(); !slices.Equal(calls, []providertest.Call{p.Want(p.AccountID, p.UserID)}) {
			t.Errorf("calls %+v", calls)
		}
	})
}

// TestTypeIsThrottled checks that a service that throttles gets no calls until its Retry-After is over, whatever
// objects come, and that all users are logged out then.
func TestTypeIsThrottled(t *testing.T) {
	forEachType(t, func(t *testing.T, p providertest.Fixture) {
		tt, service := newTenantOf(t, p, 0)
		throttled := p.Throttled
		throttled.Header = map[string]string{"Retry-After": "5"}
		for name, value := range p.Throttled.Header {
			throttled.Header[name] = value
		}
		service.Answer(throttled)
		first := tt.logoutOf(p)
		awaitReason(tt, first, v1alpha1.ReasonThrottled)
		service.Answer(p.LoggedOut)
		others := []*v1alpha1.UserLogout{tt.logoutOf(p), tt.logoutOf(p), tt.logoutOf(p)}
		held := awaitProvider(tt, v1alpha1.ReasonThrottled)
		if held.Status.Hold == nil || len(service.Calls()) != 1 {
			t.Errorf("hold %+v, and %d calls", held.Status.Hold, len(service.Calls()))
		}
		for _, obj := range append(others, first) {
			awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
		}
		if n := len(service.Calls()); n != len(others)+2 {
			t.Errorf("%d calls", n)
		}
		awaitProvider(tt, v1alpha1.ReasonAvailable)
	})
}

// TestTypesCredentialsAreFixed checks that the status shows wrong credentials, and that a fixed Secret is used at once.
func TestTypesCredentialsAreFixed(t *testing.T) {
	forEachType(t, func(t *testing.T, p providertest.Fixture) {
		tt, service := newTenantOf(t, p, 0)
		service.Require(1)
		obj := tt.logoutOf(p)
		awaitReason(tt, obj, v1alpha1.ReasonUnauthorized)
		if held := awaitProvider(tt, v1alpha1.ReasonUnauthorized); held.Status.Hold == nil {
			t.Errorf("no hold in %+v", held.Status)
		}
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: tt.secret}}
		patch(tt, secret, func(s *corev1.Secret) { s.StringData = p.Secrets[1] })
		awaitReason(tt, obj, v1alpha1.ReasonLoggedOut)
		awaitProvider(tt, v1alpha1.ReasonAvailable)
		if calls := service.Calls(); len(calls) != 2 || calls[0].Secret != 0 || calls[1].Secret != 1 {
			t.Errorf("calls %+v", calls)
		}
	})
}

// TestTypesUnknownUser checks that a final answer of the service ends the object.
func TestTypesUnknownUser(t *testing.T) {
	forEachType(t, func(t *testing.T, p providertest.Fixture) {
		tt, service := newTenantOf(t, p, 0)
		service.Answer(p.UnknownUser)
		got := awaitReason(tt, tt.logoutOf(p), v1alpha1.ReasonNotFound)
		if !meta.IsStatusConditionTrue(got.Status.Conditions, v1alpha1.ConditionStalled) || len(service.Calls()) != 1 {
			t.Errorf("status %+v after %d calls", got.Status, len(service.Calls()))
		}
	})
}

// TestTypesPlainHTTP checks that the provider's status reports http to another host and names the field, if no policy
// makes the API server refuse it.
func TestTypesPlainHTTP(t *testing.T) {
	forEachType(t, func(t *testing.T, p providertest.Fixture) {
		tt, service := newTenantOf(t, p, 0)
		for _, field := range p.URLs {
			is := awaitProvider(tt, v1alpha1.ReasonAvailable)
			good := is.Spec
			patch(tt, is, func(o *v1alpha1.ClusterLogoutProvider) {
				o.Spec = p.Set(o.Spec, field, "http://login.example")
			})
			is = awaitProvider(tt, v1alpha1.ReasonInvalidEndpoint)
			if c := meta.FindStatusCondition(is.Status.Conditions,
				v1alpha1.ConditionReady); !strings.Contains(c.Message, p.Field(field)+": must begin with https://") {
				t.Errorf("message %q", c.Message)
			}
			obj := tt.logoutOf(p)
			awaitReason(tt, obj, v1alpha1.ReasonProviderNotReady)
			if n := len(service.Calls()); n != 0 {
				t.Errorf("%d calls", n)
			}
			if err := cluster.Delete(t.Context(), obj); err != nil {
				t.Fatal(err)
			}
			patch(tt, is, func(o *v1alpha1.ClusterLogoutProvider) { o.Spec = good })
		}
	})
}

// TestTypesThatAreRefused checks that the API server's refusal names the field.
func TestTypesThatAreRefused(t *testing.T) {
	forEachType(t, func(t *testing.T, p providertest.Fixture) {
		tt, _ := newTenantOf(t, p, 0)
		var is v1alpha1.ClusterLogoutProvider
		if err := cluster.Get(t.Context(), client.ObjectKey{Name: tt.provider}, &is); err != nil {
			t.Fatal(err)
		}
		create := func(spec v1alpha1.ClusterLogoutProviderSpec) error {
			return cluster.Create(t.Context(),
				&v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: unique(t)}, Spec: spec},
				client.DryRunAll)
		}
		good := specOf(p, "https://login.example", "s", is.Spec)
		if err := create(good); err != nil {
			t.Errorf("with an https endpoint: %v", err)
		}
		for _, field := range p.Required {
			refused(tt, create(p.Set(good, field, nil)), "without "+field, p.Field(field))
		}
		for _, field := range p.URLs {
			for _, url := range []string{"login", "ftp://login.example", "https://"} {
				refused(tt, create(p.Set(good, field, url)), field+" "+url, p.Field(field), "absolute URL")
			}
		}
		refused(tt, create(p.Without(good)), "without the member", "spec."+p.Member(),
			"required when type is "+p.Name())
		for _, other := range providertest.All {
			if other.Name() == p.Name() {
				continue
			}
			two := other.With(good, "https://login.example", "s")
			refused(tt, create(two), "two members", "spec."+other.Member(), "forbidden otherwise")
			two.Type = other.Spec("", "").Type
			refused(tt, create(two), "two members, the other type", "spec."+p.Member(), "forbidden otherwise")
		}
		unknown := p.Without(good)
		unknown.Type = "Telegraph"
		refused(tt, create(unknown), "unknown type", "spec.type", p.Name())
	})
}

// TestTypesHaveSamples checks that config/samples has a provider of every type, and that the API server takes it
// unchanged.
func TestTypesHaveSamples(t *testing.T) {
	files, err := filepath.Glob("../config/samples/provider*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var sample unstructured.Unstructured
		if err := yaml.Unmarshal(text, &sample.Object); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name, _, _ := unstructured.NestedString(sample.Object, "spec", "type")
		found[name] = true
		if err := cluster.Create(t.Context(), &sample, client.DryRunAll,
			client.FieldValidation(metav1.FieldValidationStrict)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	for _, p := range providertest.All {
		if !found[p.Name()] {
			t.Errorf("no sample of type %s", p.Name())
		}
	}
}
