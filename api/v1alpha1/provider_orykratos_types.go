package v1alpha1

// OryKratosProviderType is the type of an Ory Kratos server, whose admin API
// ends the sessions of an identity.
const OryKratosProviderType ProviderType = "OryKratos"

// OryKratosProvider configures an Ory Kratos server or a project of the Ory
// Network, and the credentials for its admin API. The userID of a UserLogout is
// the ID of an identity. Kratos has no accounts, so the accountID is not sent.
// The accountID is a name that you choose for the server or project, and
// accountIDs must allow it.
type OryKratosProvider struct {
	// endpoint is the URL of the admin API, without /admin and what follows:
	// that of your Kratos server, such as https://kratos-admin.example, or that
	// of the project in the Ory Network. It must be https, unless the host is a
	// loopback address or the operator runs with --allow-insecure-endpoints.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['https', 'http'] && url(self).getHost() != ''",message="must be an absolute URL such as https://kratos-admin.example"
	Endpoint string `json:"endpoint,omitempty"`

	// credentials references a Secret with the key token, which is sent as a
	// bearer token: an API key of the Ory Network, or the token that a proxy
	// before the admin API requires. If absent, no token is sent. Kratos itself
	// requires none.
	// +optional
	Credentials *Credentials `json:"credentials,omitempty"`
}
