package providers_test

import (
	"context"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/pkitest"
	"github.com/logout-operator/logout-operator/internal/providers"
)

// objects is a cache that holds two Secrets and a ConfigMap.
type objects struct {
	client.Reader
	credentials, certificate *corev1.Secret
	bundle                   *corev1.ConfigMap
}

func (o objects) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	switch into := into.(type) {
	case *corev1.ConfigMap:
		o.bundle.DeepCopyInto(into)
	case *corev1.Secret:
		if key.Name == "certificate" {
			o.certificate.DeepCopyInto(into)
		} else {
			o.credentials.DeepCopyInto(into)
		}
	}
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
	ca := pkitest.New(t)
	bundle := &corev1.ConfigMap{Data: map[string]string{"ca.crt": ca.PEM()}}
	certificate := &corev1.Secret{}
	issue := func() {
		certificate.Data = map[string][]byte{}
		for key, value := range ca.Client("client", time.Now().Add(time.Hour)) {
			certificate.Data[key] = []byte(value)
		}
	}
	issue()
	resolver := &providers.Resolver{Reader: objects{credentials: secret, certificate: certificate, bundle: bundle}}
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
		{"a CA", func() {
			provider.Spec.TLS = &v1alpha1.TLS{CABundleRef: &v1alpha1.CABundleReference{
				Kind: v1alpha1.CABundleKindConfigMap, Name: "bundle", Key: "ca.crt"}}
		}, true},
		{"another key of the ConfigMap", func() { bundle.Data["other"] = "other" }, false},
		{"the CA, of the same version", func() { bundle.Data["ca.crt"] += pkitest.New(t).PEM() }, true},
		{"a client certificate", func() {
			provider.Spec.TLS.ClientCertificate = &v1alpha1.ClientCertificate{
				SecretRef: v1alpha1.SecretReference{Name: "certificate"}}
		}, true},
		{"the CA beside the certificate", func() { certificate.Data["ca.crt"] = []byte("other") }, false},
		{"a renewed certificate", issue, true},
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

// TestReferences: everything that a client is created from is watched.
func TestReferences(t *testing.T) {
	named := func(name string) v1alpha1.SecretReference { return v1alpha1.SecretReference{Name: name} }
	p := &v1alpha1.ClusterLogoutProvider{Spec: v1alpha1.ClusterLogoutProviderSpec{
		Type: v1alpha1.OryKratosProviderType,
		OryKratos: &v1alpha1.OryKratosProvider{
			Credentials: &v1alpha1.Credentials{SecretRef: named("credentials")}},
		TLS: &v1alpha1.TLS{
			CABundleRef:       &v1alpha1.CABundleReference{Kind: v1alpha1.CABundleKindSecret, Name: "ca"},
			ClientCertificate: &v1alpha1.ClientCertificate{SecretRef: named("certificate")}},
	}}
	if got, want := providers.References(p), []providers.Reference{"Secret/credentials", "Secret/ca",
		"Secret/certificate"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	p.Spec.OryKratos.Credentials, p.Spec.TLS.ClientCertificate = nil, nil
	p.Spec.TLS.CABundleRef.Kind = v1alpha1.CABundleKindConfigMap
	if got := providers.References(p); len(got) != 1 || got[0] != "ConfigMap/ca" {
		t.Errorf("%q", got)
	}
	ca := metav1.ObjectMeta{Name: "ca"}
	if secret, configMap := providers.ReferenceTo(&corev1.Secret{ObjectMeta: ca}),
		providers.ReferenceTo(&corev1.ConfigMap{ObjectMeta: ca}); secret != "Secret/ca" || configMap != "ConfigMap/ca" {
		t.Errorf("%q, %q", secret, configMap)
	}
}

// TestBadBundleIsParsedOnce: the objects that wait for a provider with a bad CA bundle do not make the operator parse
// it again and again, and a fixed one is parsed.
func TestBadBundleIsParsedOnce(t *testing.T) {
	bundle := &corev1.ConfigMap{Data: map[string]string{"ca.crt": "bad"}}
	resolver := &providers.Resolver{Reader: objects{bundle: bundle}}
	provider := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: "default"},
		Spec: v1alpha1.ClusterLogoutProviderSpec{
			Type:      v1alpha1.OryKratosProviderType,
			OryKratos: &v1alpha1.OryKratosProvider{Endpoint: "https://service.example"},
			TLS: &v1alpha1.TLS{CABundleRef: &v1alpha1.CABundleReference{
				Kind: v1alpha1.CABundleKindConfigMap, Name: "bundle"}},
		}}
	_, first := resolver.Client(t.Context(), provider)
	_, second := resolver.Client(t.Context(), provider.DeepCopy())
	if first == nil || first != second { //nolint:errorlint // the same error, not an equal one
		t.Errorf("first %v, then %v", first, second)
	}
	bundle.Data["ca.crt"] = "worse"
	_, third := resolver.Client(t.Context(), provider)
	if third == nil || third == first { //nolint:errorlint // likewise
		t.Errorf("another bundle: %v", third)
	}
	bundle.Data["ca.crt"] = pkitest.New(t).PEM()
	if _, err := resolver.Client(t.Context(), provider); err != nil {
		t.Error(err)
	}
	resolver.Forget("default")
}
