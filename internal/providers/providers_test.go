package providers_test

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/providers"
)

// secrets is a cache that holds one Secret.
type secrets struct {
	client.Reader
	only *corev1.Secret
}

func (s secrets) Get(_ context.Context, _ client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	s.only.DeepCopyInto(into.(*corev1.Secret))
	return nil
}

// TestClientIsMadeAnew: a change of anything that a client is created from
// creates another client, even if generation and resourceVersion stay the same.
func TestClientIsMadeAnew(t *testing.T) {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{UID: "1", ResourceVersion: "7"},
		Data:       map[string][]byte{"AWS_ACCESS_KEY_ID": []byte("AKID"), "AWS_SECRET_ACCESS_KEY": []byte("secret")},
	}
	provider := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: "default", UID: "1", Generation: 2}}
	provider.Spec.Type = v1alpha1.AmazonChimeProviderType
	provider.Spec.AmazonChime = &v1alpha1.AmazonChimeProvider{
		Endpoint:    "https://service.example",
		Region:      "us-east-1",
		Credentials: &v1alpha1.Credentials{SecretRef: v1alpha1.SecretReference{Name: "credentials"}},
	}
	resolver := &providers.Resolver{Reader: secrets{only: secret}}
	get := func() providers.Client {
		t.Helper()
		c, err := resolver.Client(t.Context(), provider.DeepCopy())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	last := get()
	for _, tt := range []struct {
		what   string
		change func()
		anew   bool
	}{
		{"nothing", func() {}, false},
		{"the provider's status", func() { provider.Status.ObservedGeneration = 2 }, false},
		{"the provider's rate limit", func() { provider.Generation++; provider.Spec.RateLimit.Burst = 7 }, false},
		{"the provider's policy", func() {
			provider.Generation++
			provider.Spec.AllowedNamespaces.Selector = &metav1.LabelSelector{}
		}, false},
		{"the provider, created anew", func() { provider.UID = "2" }, true},
		{"the spec, of the same generation",
			func() { provider.Spec.AmazonChime.Endpoint = "https://other.example" }, true},
		{"a label of the Secret", func() { secret.ResourceVersion = "8" }, false},
		{"the Secret, created anew with the same keys", func() { secret.UID = "2" }, false},
		{"the keys, of the same version", func() { secret.Data["AWS_SECRET_ACCESS_KEY"] = []byte("other") }, true},
	} {
		before := resolver.ChangedAt("default")
		tt.change()
		now := get()
		if anew := now != last; anew != tt.anew {
			t.Errorf("%s: made anew is %t, want %t", tt.what, anew, tt.anew)
		}
		if changed := resolver.ChangedAt("default") != before; changed != tt.anew {
			t.Errorf("%s: told of as changed is %t, want %t", tt.what, changed, tt.anew)
		}
		last = now
	}
}
