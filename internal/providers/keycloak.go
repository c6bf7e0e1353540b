package providers

import (
	"context"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/bearer"
	"github.com/logout-operator/logout-operator/internal/keycloak"
)

// lookups are empty for a spec of an older CRD, too: the default.
var lookups = map[v1alpha1.UserLookup]keycloak.Lookup{
	"":                          keycloak.ByID,
	v1alpha1.UserLookupID:       keycloak.ByID,
	v1alpha1.UserLookupUsername: keycloak.ByUsername,
	v1alpha1.UserLookupEmail:    keycloak.ByEmail,
}

var keycloakType = providerType{
	credentials: func(spec *v1alpha1.ClusterLogoutProviderSpec) *v1alpha1.Credentials {
		if spec.Keycloak == nil {
			return nil
		}
		return &spec.Keycloak.Credentials
	},
	newClient: func(_ context.Context, s setup) (Client, error) {
		spec := s.spec.Keycloak
		if spec == nil {
			return nil, s.noMember("spec.keycloak")
		}
		if err := s.endpoint("spec.keycloak.endpoint", spec.Endpoint); err != nil {
			return nil, err
		}
		lookup, ok := lookups[spec.UserLookup]
		if !ok {
			return nil, &ConfigError{v1alpha1.ReasonInvalidSpec, "spec.keycloak.userLookup is none that this version of the operator knows"}
		}
		if s.secret == nil {
			return nil, s.noSecret("spec.keycloak")
		}
		id, secret, err := bearer.ClientFrom(s.secret.Data)
		if err != nil {
			return nil, s.invalidSecret(err)
		}
		c, err := keycloak.New(keycloak.Config{Endpoint: spec.Endpoint, AllowInsecure: s.allowInsecure,
			TokenRealm: spec.TokenRealm, ClientID: id, ClientSecret: secret, Lookup: lookup})
		if err != nil {
			return nil, &ConfigError{v1alpha1.ReasonInvalidSpec, "spec.keycloak: " + err.Error()}
		}
		return c, nil
	},
}
