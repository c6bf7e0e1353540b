package providers

import (
	"context"
	"net/url"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/bearer"
	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/tokenrevocation"
)

var globalTokenRevocation = union[v1alpha1.GlobalTokenRevocationProvider]{
	field: "spec.globalTokenRevocation",
	member: func(spec *v1alpha1.ClusterLogoutProviderSpec) *v1alpha1.GlobalTokenRevocationProvider {
		return spec.GlobalTokenRevocation
	},
	endpoint:    func(m *v1alpha1.GlobalTokenRevocationProvider) string { return m.Endpoint },
	credentials: func(m *v1alpha1.GlobalTokenRevocationProvider) *v1alpha1.Credentials { return &m.Credentials },
	needsSecret: true,
	newClient: func(_ context.Context, m *v1alpha1.GlobalTokenRevocationProvider, s source) (Client, error) {
		subject, err := subjectOf(m)
		if err != nil {
			return nil, err
		}
		auth, err := s.revocationAuth(m)
		if err != nil {
			return nil, err
		}
		c, err := tokenrevocation.New(tokenrevocation.Config{Endpoint: s.endpoint, Subject: subject,
			Accepted: m.AcceptedStatusCodes, Auth: auth, TLS: s.tls})
		if err != nil {
			return nil, s.unusable(err)
		}
		return c, nil
	},
}

func subjectOf(spec *v1alpha1.GlobalTokenRevocationProvider) (func(string) tokenrevocation.Subject, error) {
	switch spec.SubjectFormat {
	case v1alpha1.SubjectFormatOpaque:
		return tokenrevocation.Opaque, nil
	case v1alpha1.SubjectFormatEmail:
		return tokenrevocation.Email, nil
	case v1alpha1.SubjectFormatIssuerSubject:
		if spec.Issuer == "" {
			return nil, invalidSpec("spec.globalTokenRevocation.issuer is required when subjectFormat is IssuerSubject")
		}
		return tokenrevocation.IssuerSubject(spec.Issuer), nil
	case v1alpha1.SubjectFormatAttribute:
		if spec.Attribute == "" {
			return nil, invalidSpec("spec.globalTokenRevocation.attribute is required when subjectFormat is Attribute")
		}
		return tokenrevocation.Attribute(spec.Attribute), nil
	}
	return nil, invalidSpec("spec.globalTokenRevocation.subjectFormat: unsupported value %q", spec.SubjectFormat)
}

func (s source) revocationAuth(spec *v1alpha1.GlobalTokenRevocationProvider) (auth bearer.Config, err error) {
	grant := spec.ClientCredentials
	if grant == nil {
		if auth.Token, err = bearer.TokenFrom(s.secret.Data); err != nil {
			err = s.invalidSecret(err)
		}
		return auth, err
	}
	tokens, err := s.parse("spec.globalTokenRevocation.clientCredentials.tokenURL", grant.TokenURL, httpcall.ParseTokenURL)
	if err != nil {
		return auth, err
	}
	auth.Client = &bearer.Client{TokenURL: tokens, Scopes: grant.Scopes, Parameters: url.Values{},
		InBody: grant.Authentication == v1alpha1.ClientAuthenticationBody}
	for _, p := range grant.Parameters {
		auth.Client.Parameters.Set(p.Name, p.Value)
	}
	if auth.Client.ID, auth.Client.Secret, err = bearer.ClientFrom(s.secret.Data); err != nil {
		err = s.invalidSecret(err)
	}
	return auth, err
}
