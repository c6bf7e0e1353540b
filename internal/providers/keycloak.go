package providers

import (
	"context"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/bearer"
	"github.com/logout-operator/logout-operator/internal/keycloak"
)

// lookups maps the settings to lookups. The setting is empty if the spec was
// written under an older CRD; that means the default.
var lookups = map[v1alpha1.UserLookup]keycloak.Lookup{
	"":                          keycloak.ByID,
	v1alpha1.UserLookupID:       keycloak.ByID,
	v1alpha1.UserLookupUsername: keycloak.ByUsername,
	v1alpha1.UserLookupEmail:    keycloak.ByEmail,
}

var keycloakType = union[v1alpha1.KeycloakProvider]{
	field:       "spec.keycloak",
	member:      func(spec *v1alpha1.ClusterLogoutProviderSpec) *v1alpha1.KeycloakProvider { return spec.Keycloak },
	endpoint:    func(m *v1alpha1.KeycloakProvider) string { return m.Endpoint },
	credentials: func(m *v1alpha1.KeycloakProvider) *v1alpha1.Credentials { return &m.Credentials },
	needsSecret: true,
	newClient: func(_ context.Context, m *v1alpha1.KeycloakProvider, s source) (Client, error) {
		lookup, ok := lookups[m.UserLookup]
		if !ok {
			return nil, invalidSpec("spec.keycloak.userLookup: unsupported value %q", m.UserLookup)
		}
		id, secret, err := bearer.ClientFrom(s.secret.Data)
		if err != nil {
			return nil, s.invalidSecret(err)
		}
		c, err := keycloak.New(keycloak.Config{
			Endpoint: s.endpoint, TokenRealm: m.TokenRealm, ClientID: id, ClientSecret: secret, Lookup: lookup,
			TLS: s.tls})
		if err != nil {
			return nil, invalidSpec("spec.keycloak: %v", err)
		}
		return c, nil
	},
}
