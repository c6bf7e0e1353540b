package v1alpha1

// AmazonCognitoProviderType is the type of the user pools of Amazon Cognito in
// one region, whose users AdminUserGlobalSignOut signs out.
const AmazonCognitoProviderType ProviderType = "AmazonCognito"

// AmazonCognitoProvider configures the user pools of Amazon Cognito in one
// region, and the credentials for them. The accountID of a UserLogout is the ID
// of a user pool, and its userID is the name of a user in that pool.
type AmazonCognitoProvider struct {
	// region is the AWS region of the user pools. Their IDs begin with it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="must be the name of a region, such as eu-central-1"
	Region string `json:"region,omitempty"`

	// endpoint is the URL of the service, if it is not that of AWS for the
	// region: for example, a VPC endpoint. It must be https, unless the host is
	// a loopback address or the operator runs with --allow-insecure-endpoints.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['https', 'http'] && url(self).getHost() != ''",message="must be an absolute URL such as https://cognito-idp.eu-central-1.amazonaws.com"
	Endpoint string `json:"endpoint,omitempty"`

	// credentials references the Secret with the keys that sign requests:
	// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if they are temporary,
	// AWS_SESSION_TOKEN. If absent, the operator uses its own AWS identity
	// (IRSA, Pod Identity, environment).
	// +optional
	Credentials *Credentials `json:"credentials,omitempty"`

	// assumeRole is a role that the operator assumes through AWS STS before it
	// signs requests.
	// +optional
	AssumeRole *AssumeRole `json:"assumeRole,omitempty"`
}
