package providers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/httpcall"
)

// typesOf lists every type of provider. A new type needs a line here and a file
// beside this one, which reads its member of the union.
var typesOf = map[v1alpha1.ProviderType]providerType{
	v1alpha1.AmazonChimeProviderType:           amazonChime,
	v1alpha1.AmazonCognitoProviderType:         amazonCognito,
	v1alpha1.GlobalTokenRevocationProviderType: globalTokenRevocation,
	v1alpha1.KeycloakProviderType:              keycloakType,
	v1alpha1.OryKratosProviderType:             oryKratos,
}

// providerType is what this package needs from a type of provider.
type providerType interface {
	// credentialsOf returns the part of a spec that names a Secret; nil if
	// there is none.
	credentialsOf(*v1alpha1.ClusterLogoutProviderSpec) *v1alpha1.Credentials
	// client creates a client and sends nothing. The error is a *ConfigError.
	client(context.Context, source) (Client, error)
}

// union is a type of provider whose settings are the member M of the spec.
type union[M any] struct {
	// field is the path of the member in the object.
	field string
	// member returns the member; nil if it is not set. An old or edited CRD may
	// accept that.
	member func(*v1alpha1.ClusterLogoutProviderSpec) *M
	// endpoint returns the URL of the service.
	endpoint func(*M) string
	// hasDefault means that the client calls the vendor's own endpoint if the
	// spec has none.
	hasDefault bool
	// credentials returns the credentials; nil if there are none.
	credentials func(*M) *v1alpha1.Credentials
	// needsSecret means that the type does not work without a Secret.
	needsSecret bool
	// newClient creates a client and sends nothing. The endpoint has been
	// checked, and so has the presence of the Secret if one is needed.
	newClient func(context.Context, *M, source) (Client, error)
}

func (u union[M]) credentialsOf(spec *v1alpha1.ClusterLogoutProviderSpec) *v1alpha1.Credentials {
	if m := u.member(spec); m != nil {
		return u.credentials(m)
	}
	return nil
}

func (u union[M]) client(ctx context.Context, s source) (c Client, err error) {
	m := u.member(s.spec)
	if m == nil {
		return nil, invalidSpec("%s is required when type is %s", u.field, s.spec.Type)
	}
	if url := u.endpoint(m); url != "" || !u.hasDefault {
		if s.endpoint, err = s.parse(u.field+".endpoint", url, httpcall.ParseEndpoint); err != nil {
			return nil, err
		}
	}
	if u.needsSecret && s.secret == nil {
		return nil, invalidSpec("%s.credentials is required", u.field)
	}
	return u.newClient(ctx, m, s)
}

// source holds what a client is created from.
type source struct {
	spec          *v1alpha1.ClusterLogoutProviderSpec
	secret        *corev1.Secret // nil if the spec names none
	allowInsecure bool
	endpoint      httpcall.Endpoint
	tls           httpcall.TLS
}

// parse checks the URL in a field of the spec by the rules of one of httpcall's functions.
func (s source) parse(
	field, url string, parse func(url string, allowInsecure bool) (httpcall.Endpoint, error),
) (httpcall.Endpoint, error) {
	endpoint, err := parse(url, s.allowInsecure)
	if err != nil {
		return endpoint, &ConfigError{v1alpha1.ReasonInvalidEndpoint, field + ": " + err.Error()}
	}
	return endpoint, nil
}

// invalidSpec returns the error for a spec that cannot be used.
func invalidSpec(format string, a ...any) error {
	return &ConfigError{v1alpha1.ReasonInvalidSpec, fmt.Sprintf(format, a...)}
}

// invalidSecret returns the error for a Secret that lacks what the type needs.
// The error why names the key, and quotes no value.
func (s source) invalidSecret(why error) error { return invalidSecret(s.secret, why) }

func invalidSecret(secret *corev1.Secret, why error) error {
	return &ConfigError{v1alpha1.ReasonInvalidSecret,
		fmt.Sprintf("Secret %q in namespace %q: %v", secret.Name, secret.Namespace, why)}
}

// unusable returns the error for a Secret from which no client can be created.
func (s source) unusable(err error) error {
	return &ConfigError{v1alpha1.ReasonInvalidSecret,
		fmt.Sprintf("Secret %q in namespace %q cannot be used: %v", s.secret.Name, s.secret.Namespace, err)}
}
