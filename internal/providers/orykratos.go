package providers

import (
	"context"
	"errors"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/bearer"
	"github.com/logout-operator/logout-operator/internal/kratos"
)

var oryKratos = providerType{
	credentials: func(spec *v1alpha1.ClusterLogoutProviderSpec) *v1alpha1.Credentials {
		if spec.OryKratos == nil {
			return nil
		}
		return spec.OryKratos.Credentials
	},
	newClient: func(_ context.Context, s setup) (Client, error) {
		spec := s.spec.OryKratos
		if spec == nil {
			return nil, s.noMember("spec.oryKratos")
		}
		if err := s.endpoint("spec.oryKratos.endpoint", spec.Endpoint); err != nil {
			return nil, err
		}
		config := kratos.Config{Endpoint: spec.Endpoint, AllowInsecure: s.allowInsecure}
		if s.secret != nil {
			token, err := bearer.TokenFrom(s.secret.Data)
			if err != nil {
				return nil, s.invalidSecret(err)
			}
			config.Token = token
		}
		c, err := kratos.New(config)
		if err != nil { // the endpoint is checked, so it is the token
			return nil, s.invalidSecret(errors.New("cannot be used: " + err.Error()))
		}
		return c, nil
	},
}
