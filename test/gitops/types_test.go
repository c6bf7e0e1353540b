package gitops

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/providertest"
)

// TestEveryType: the tools judge a provider of any type, and its logouts, like those of the first type.
func TestEveryType(t *testing.T) {
	startOperator(t)
	for _, p := range providertest.All {
		t.Run(p.Name(), func(t *testing.T) {
			name := strings.ToLower(p.Name())
			service := providertest.NewServer(t, p)
			applyObject(t, &corev1.Secret{
				TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
				ObjectMeta: metav1.ObjectMeta{Namespace: operatortest.Namespace, Name: name}, StringData: p.Secrets[0],
			})
			provider := &v1alpha1.ClusterLogoutProvider{
				TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "ClusterLogoutProvider"},
				ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: p.Spec(service.URL, name),
			}
			provider.Spec.AccountIDs, provider.Spec.AllowedNamespaces.From = []string{p.AccountID},
				v1alpha1.NamespacesFromAll
			provider.Spec.RateLimit = v1alpha1.RateLimit{RequestsPerSecond: 10, Burst: 5}
			applyObject(t, provider)
			logOut := func(object string) {
				applyObject(t, &v1alpha1.UserLogout{
					TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "UserLogout"},
					ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: object},
					Spec: v1alpha1.UserLogoutSpec{AccountID: p.AccountID, UserID: p.UserID,
						ProviderRef: v1alpha1.ProviderReference{Name: name}, ActiveDeadlineSeconds: 3600},
				})
			}

			judge(t, "provider-available", ready(t, "ClusterLogoutProvider", name, v1alpha1.ReasonAvailable))
			logOut(name)
			judge(t, "logged-out", ready(t, "UserLogout", name, v1alpha1.ReasonLoggedOut))
			service.Answer(p.NotAuthorized[0])
			logOut(name + "-refused")
			judge(t, "unauthorized", ready(t, "UserLogout", name+"-refused", v1alpha1.ReasonUnauthorized))
			judge(t, "provider-unauthorized", ready(t, "ClusterLogoutProvider", name, v1alpha1.ReasonUnauthorized))
		})
	}
}

// applyObject applies one object as a manifest.
func applyObject(t *testing.T, obj any) {
	t.Helper()
	manifest, err := yaml.Marshal(obj)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, string(manifest))
}
