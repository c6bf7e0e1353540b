package providers

import (
	"context"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/bearer"
	"github.com/logout-operator/logout-operator/internal/kratos"
)

var oryKratos = union[v1alpha1.OryKratosProvider]{
	field:       "spec.oryKratos",
	member:      func(spec *v1alpha1.ClusterLogoutProviderSpec) *v1alpha1.OryKratosProvider { return spec.OryKratos },
	endpoint:    func(m *v1alpha1.OryKratosProvider) string { return m.Endpoint },
	credentials: func(m *v1alpha1.OryKratosProvider) *v1alpha1.Credentials { return m.Credentials },
	newClient: func(_ context.Context, _ *v1alpha1.OryKratosProvider, s source) (Client, error) {
		config := kratos.Config{Endpoint: s.endpoint, TLS: s.tls}
		if s.secret != nil {
			token, err := bearer.TokenFrom(s.secret.Data)
			if err != nil {
				return nil, s.invalidSecret(err)
			}
			config.Token = token
		}
		c, err := kratos.New(config)
		if err != nil { // only the token can be invalid
			return nil, s.unusable(err)
		}
		return c, nil
	},
}
