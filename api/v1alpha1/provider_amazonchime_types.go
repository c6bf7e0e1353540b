package v1alpha1

// AmazonChimeProviderType is the type of a service that implements Amazon
// Chime's LogoutUser.
const AmazonChimeProviderType ProviderType = "AmazonChime"

// AmazonChimeProvider configures a service that implements Amazon Chime's
// LogoutUser, and the credentials for it.
type AmazonChimeProvider struct {
	// endpoint is the URL of the service, with its base path if it has one. For
	// AWS, it is https://service.chime.aws.amazon.com/console. It must be
	// https, unless the host is a loopback address or the operator runs with
	// --allow-insecure-endpoints.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['https', 'http'] && url(self).getHost() != ''",message="must be an absolute URL such as https://service.chime.aws.amazon.com/console"
	Endpoint string `json:"endpoint,omitempty"`

	// region is the AWS region that requests are signed for.
	// +optional
	// +default="us-east-1"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="must be the name of a region, such as us-east-1"
	Region string `json:"region,omitempty"`

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
