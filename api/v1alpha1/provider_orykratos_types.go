package v1alpha1

// OryKratosProviderType is an Ory Kratos, whose admin API ends the sessions of
// an identity.
const OryKratosProviderType ProviderType = "OryKratos"

// OryKratosProvider describes an Ory Kratos, or a project of the Ory Network,
// and how to sign in to its admin API. The userID of a UserLogout is the ID of
// an identity. Kratos has no accounts: the accountID is a name for the instance
// or project, which accountIDs of this provider has to have and which is not
// sent.
type OryKratosProvider struct {
	// endpoint is the URL of the admin API, without /admin and what follows it:
	// https://kratos-admin.example where Kratos runs by itself, or the URL of the
	// project in the Ory Network. It must be https, unless the host is the
	// loopback or the operator runs with --allow-insecure-endpoints.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['https', 'http'] && url(self).getHost() != ''",message="must be an absolute URL such as https://kratos-admin.example"
	Endpoint string `json:"endpoint,omitempty"`

	// credentials are what the calls are signed in with: a Secret with the key
	// token, which is sent as a bearer token. It is an API key of the Ory
	// Network, or what a proxy before the admin API asks for. Absent means that
	// none is sent: Kratos itself asks for none.
	// +optional
	Credentials *Credentials `json:"credentials,omitempty"`
}
