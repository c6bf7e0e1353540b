package providers

import (
	"context"
	"errors"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/bearer"
	"github.com/logout-operator/logout-operator/internal/tokenrevocation"
)

var globalTokenRevocation = providerType{
	credentials: func(spec *v1alpha1.ClusterLogoutProviderSpec) *v1alpha1.Credentials {
		if spec.GlobalTokenRevocation == nil {
			return nil
		}
		return &spec.GlobalTokenRevocation.Credentials
	},
	newClient: func(_ context.Context, s setup) (Client, error) {
		spec := s.spec.GlobalTokenRevocation
		if spec == nil {
			return nil, s.noMember("spec.globalTokenRevocation")
		}
		if err := s.endpoint("spec.globalTokenRevocation.endpoint", spec.Endpoint); err != nil {
			return nil, err
		}
		subject, err := subjectOf(spec)
		if err != nil {
			return nil, err
		}
		auth, err := s.revocationAuth(spec)
		if err != nil {
			return nil, err
		}
		c, err := tokenrevocation.New(tokenrevocation.Config{Endpoint: spec.Endpoint, AllowInsecure: s.allowInsecure, Subject: subject, Auth: auth})
		if err != nil {
			return nil, s.invalidSecret(errors.New("cannot be used: " + err.Error()))
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
			return nil, &ConfigError{v1alpha1.ReasonInvalidSpec, "spec.globalTokenRevocation.issuer is required when subjectFormat is IssuerSubject"}
		}
		return tokenrevocation.IssuerSubject(spec.Issuer), nil
	}
	return nil, &ConfigError{v1alpha1.ReasonInvalidSpec, "spec.globalTokenRevocation.subjectFormat is none that this version of the operator knows"}
}

func (s setup) revocationAuth(spec *v1alpha1.GlobalTokenRevocationProvider) (auth bearer.Config, err error) {
	if s.secret == nil {
		return auth, s.noSecret("spec.globalTokenRevocation")
	}
	grant := spec.ClientCredentials
	if grant == nil {
		if auth.Token, err = bearer.TokenFrom(s.secret.Data); err != nil {
			err = s.invalidSecret(err)
		}
		return auth, err
	}
	if err := s.endpoint("spec.globalTokenRevocation.clientCredentials.tokenURL", grant.TokenURL); err != nil {
		return auth, err
	}
	auth.Client = &bearer.Client{TokenURL: grant.TokenURL, AllowInsecure: s.allowInsecure, Scopes: grant.Scopes}
	if auth.Client.ID, auth.Client.Secret, err = bearer.ClientFrom(s.secret.Data); err != nil {
		err = s.invalidSecret(err)
	}
	return auth, err
}
