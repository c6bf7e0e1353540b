package v1alpha1

// KeycloakProviderType is a Keycloak, whose Admin REST API logs users out.
const KeycloakProviderType ProviderType = "Keycloak"

// UserLookup says what the userID of a UserLogout is.
//
// +kubebuilder:validation:Enum=ID;Username;Email
type UserLookup string

const (
	// UserLookupID takes the userID as Keycloak's own ID of a user.
	UserLookupID UserLookup = "ID"
	// UserLookupUsername looks the user up by name.
	UserLookupUsername UserLookup = "Username"
	// UserLookupEmail looks the user up by email address.
	UserLookupEmail UserLookup = "Email"
)

// KeycloakProvider describes a Keycloak, and how to sign in to it. The accountID
// of a UserLogout is the name of a realm, and its userID a user in it.
type KeycloakProvider struct {
	// endpoint is the URL of Keycloak, with its base path if it has one. It must
	// be https, unless the host is the loopback or the operator runs with
	// --allow-insecure-endpoints.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['https', 'http'] && url(self).getHost() != ''",message="must be an absolute URL such as https://keycloak.example"
	Endpoint string `json:"endpoint,omitempty"`

	// tokenRealm is the realm that the client is in: the only one of accountIDs,
	// or master for a client that may log users out of several realms.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\p{C}\\\\p{Z}/\\\\\\\\?#%{}]')",message="must not contain white space, invisible characters or any of / \\ ? # % { }"
	// +kubebuilder:validation:XValidation:rule="!(self in ['.', '..'])",message="must not be \".\" or \"..\""
	TokenRealm string `json:"tokenRealm,omitempty"`

	// userLookup says what the userID of a UserLogout is: ID for Keycloak's own
	// ID, Username or Email to have the user looked up before the logout, in a
	// request of its own. Exactly one user must be found.
	// +optional
	// +default="ID"
	UserLookup UserLookup `json:"userLookup,omitempty"`

	// credentials are those of a client with a service account: a Secret with
	// the keys clientID and clientSecret.
	// +required
	Credentials Credentials `json:"credentials,omitzero"`
}
