package providers

import (
	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/awsauth"
)

// aws returns how to sign calls to an AWS service.
func (s source) aws(region string, role *v1alpha1.AssumeRole) (awsauth.Config, error) {
	config := awsauth.Config{Region: region, TLS: s.tls}
	if s.secret != nil {
		keys, err := awsauth.KeysFrom(s.secret.Data)
		if err != nil {
			return awsauth.Config{}, s.invalidSecret(err)
		}
		config.Keys = keys
	}
	if role != nil {
		config.AssumeRole = &awsauth.AssumeRole{RoleARN: role.RoleARN, ExternalID: role.ExternalID}
	}
	return config, nil
}

// awsClient returns c, or an error that says why there is no client: the keys
// in the Secret cannot be used if there is a Secret, the operator's AWS
// configuration if there is none.
func awsClient[C Client](s source, c C, err error) (Client, error) {
	switch {
	case err != nil && s.secret != nil:
		return nil, s.unusable(err)
	case err != nil:
		return nil, &ConfigError{v1alpha1.ReasonCredentialsUnavailable, err.Error()}
	}
	return c, nil
}
