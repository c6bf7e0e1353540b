package providers

import (
	"context"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/cognito"
)

var amazonCognito = providerType{
	credentials: func(spec *v1alpha1.ClusterLogoutProviderSpec) *v1alpha1.Credentials {
		if spec.AmazonCognito == nil {
			return nil
		}
		return spec.AmazonCognito.Credentials
	},
	newClient: func(ctx context.Context, s setup) (Client, error) {
		spec := s.spec.AmazonCognito
		if spec == nil {
			return nil, s.noMember("spec.amazonCognito")
		}
		if spec.Endpoint != "" {
			if err := s.endpoint("spec.amazonCognito.endpoint", spec.Endpoint); err != nil {
				return nil, err
			}
		}
		auth, err := s.aws(spec.Region, spec.AssumeRole)
		if err != nil {
			return nil, err
		}
		c, err := cognito.New(ctx, cognito.Config{Endpoint: spec.Endpoint, AllowInsecure: s.allowInsecure, Auth: auth})
		return awsClient(s, c, err)
	},
}
