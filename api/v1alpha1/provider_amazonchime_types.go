package v1alpha1

// AmazonChimeProviderType is a service that speaks Amazon Chime's LogoutUser.
const AmazonChimeProviderType ProviderType = "AmazonChime"

// AmazonChimeProvider describes a service that speaks Amazon Chime's
// LogoutUser, and how to sign in to it.
type AmazonChimeProvider struct {
	// endpoint is the URL of the service, with its base path if it has one:
	// for AWS, https://service.chime.aws.amazon.com/console. It must be https, unless
	// the host is the loopback or the operator runs with
	// --allow-insecure-endpoints.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['https', 'http'] && url(self).getHost() != ''",message="must be an absolute URL such as https://service.chime.aws.amazon.com/console"
	Endpoint string `json:"endpoint,omitempty"`

	// region is the AWS region the requests are signed for.
	// +optional
	// +default="us-east-1"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="must be the name of a region, such as us-east-1"
	Region string `json:"region,omitempty"`

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
