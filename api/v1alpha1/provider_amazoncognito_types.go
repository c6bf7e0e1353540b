package v1alpha1

// AmazonCognitoProviderType is the user pools of Amazon Cognito in one region,
// whose users AdminUserGlobalSignOut signs out.
const AmazonCognitoProviderType ProviderType = "AmazonCognito"

// AmazonCognitoProvider describes user pools of Amazon Cognito, and how to sign
// in to their region. The accountID of a UserLogout is the ID of a user pool,
// and its userID the name of a user in it.
type AmazonCognitoProvider struct {
	// region is the AWS region of the user pools, with which their IDs begin.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="must be the name of a region, such as eu-central-1"
	Region string `json:"region,omitempty"`

	// endpoint is the URL of the service, where it is not that of AWS for the
	// region: a VPC endpoint, for instance. It must be https, unless the host is
	// the loopback or the operator runs with --allow-insecure-endpoints.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['https', 'http'] && url(self).getHost() != ''",message="must be an absolute URL such as https://cognito-idp.eu-central-1.amazonaws.com"
	Endpoint string `json:"endpoint,omitempty"`

	// credentials are those the requests are signed with: a Secret with the keys
	// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN where
	// they are temporary. Absent means the operator's own AWS identity (IRSA, Pod
	// Identity, environment).
	// +optional
	Credentials *Credentials `json:"credentials,omitempty"`

	// assumeRole is a role to assume, by AWS STS, before signing.
	// +optional
	AssumeRole *AssumeRole `json:"assumeRole,omitempty"`
}
