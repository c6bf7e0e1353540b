package providers

import (
	"context"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/chime"
)

var amazonChime = union[v1alpha1.AmazonChimeProvider]{
	field: "spec.amazonChime",
	member: func(spec *v1alpha1.ClusterLogoutProviderSpec) *v1alpha1.AmazonChimeProvider {
		return spec.AmazonChime
	},
	endpoint:    func(m *v1alpha1.AmazonChimeProvider) string { return m.Endpoint },
	credentials: func(m *v1alpha1.AmazonChimeProvider) *v1alpha1.Credentials { return m.Credentials },
	newClient: func(ctx context.Context, m *v1alpha1.AmazonChimeProvider, s source) (Client, error) {
		auth, err := s.aws(m.Region, m.AssumeRole)
		if err != nil {
			return nil, err
		}
		c, err := chime.New(ctx, chime.Config{Endpoint: s.endpoint, Auth: auth})
		return awsClient(s, c, err)
	},
}
