package providers

import (
	"context"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/chime"
)

var amazonChime = providerType{
	credentials: func(spec *v1alpha1.ClusterLogoutProviderSpec) *v1alpha1.Credentials {
		if spec.AmazonChime == nil {
			return nil
		}
		return spec.AmazonChime.Credentials
	},
	newClient: func(ctx context.Context, s setup) (Client, error) {
		spec := s.spec.AmazonChime
		if spec == nil {
			return nil, s.noMember("spec.amazonChime")
		}
		if err := s.endpoint("spec.amazonChime.endpoint", spec.Endpoint); err != nil {
			return nil, err
		}
		auth, err := s.aws(spec.Region, spec.AssumeRole)
		if err != nil {
			return nil, err
		}
		c, err := chime.New(ctx, chime.Config{Endpoint: spec.Endpoint, AllowInsecure: s.allowInsecure, Auth: auth})
		return awsClient(s, c, err)
	},
}
