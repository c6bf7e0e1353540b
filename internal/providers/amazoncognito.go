package providers

import (
	"context"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/cognito"
)

var amazonCognito = union[v1alpha1.AmazonCognitoProvider]{
	field: "spec.amazonCognito",
	member: func(spec *v1alpha1.ClusterLogoutProviderSpec) *v1alpha1.AmazonCognitoProvider {
		return spec.AmazonCognito
	},
	endpoint:    func(m *v1alpha1.AmazonCognitoProvider) string { return m.Endpoint },
	hasDefault:  true,
	credentials: func(m *v1alpha1.AmazonCognitoProvider) *v1alpha1.Credentials { return m.Credentials },
	newClient: func(ctx context.Context, m *v1alpha1.AmazonCognitoProvider, s source) (Client, error) {
		auth, err := s.aws(m.Region, m.AssumeRole)
		if err != nil {
			return nil, err
		}
		c, err := cognito.New(ctx, cognito.Config{Endpoint: s.endpoint, Auth: auth})
		return awsClient(s, c, err)
	},
}
