package providers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/httpcall"
)

// typesOf has every type of provider. A new one is a line here and a file beside
// this one, which reads its member of the union.
var typesOf = map[v1alpha1.ProviderType]providerType{
	v1alpha1.AmazonChimeProviderType:           amazonChime,
	v1alpha1.AmazonCognitoProviderType:         amazonCognito,
	v1alpha1.GlobalTokenRevocationProviderType: globalTokenRevocation,
	v1alpha1.KeycloakProviderType:              keycloakType,
}

// providerType is what the package has to know of a type of provider. Both
// functions have to bear a spec without the type's member: an older CRD, or an
// edited one, may let it pass.
type providerType struct {
	// credentials returns the part of a spec that names a Secret; nil for none.
	credentials func(*v1alpha1.ClusterLogoutProviderSpec) *v1alpha1.Credentials
	// newClient makes a client and sends nothing. The error is a *ConfigError.
	newClient func(context.Context, setup) (Client, error)
}

// setup is what a client is made from.
type setup struct {
	spec          *v1alpha1.ClusterLogoutProviderSpec
	secret        *corev1.Secret // nil if the spec names none
	allowInsecure bool
}

// endpoint checks the endpoint in a field of the spec: spec.amazonChime.endpoint.
func (s setup) endpoint(field, endpoint string) error {
	if err := httpcall.CheckEndpoint(endpoint, s.allowInsecure); err != nil {
		return &ConfigError{v1alpha1.ReasonInvalidEndpoint, field + ": " + err.Error()}
	}
	return nil
}

// noMember is the error for a spec without the member that its type names.
func (s setup) noMember(field string) error {
	return &ConfigError{v1alpha1.ReasonInvalidSpec, fmt.Sprintf("%s is required when type is %s", field, s.spec.Type)}
}

// invalidSecret is the error for a Secret that has not what the type needs; why
// names the key, and quotes no value.
func (s setup) invalidSecret(why error) error {
	return &ConfigError{v1alpha1.ReasonInvalidSecret, fmt.Sprintf("Secret %q in namespace %q %v", s.secret.Name, s.secret.Namespace, why)}
}

// noSecret is the error for a member that names no Secret, and has to.
func (s setup) noSecret(member string) error {
	return &ConfigError{v1alpha1.ReasonInvalidSpec, member + ".credentials is required"}
}
