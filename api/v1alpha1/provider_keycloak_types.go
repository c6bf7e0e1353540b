package v1alpha1

// KeycloakProviderType is the type of a Keycloak server, whose Admin REST API
// logs users out.
const KeycloakProviderType ProviderType = "Keycloak"

// UserLookup says what the userID of a UserLogout is.
//
// +kubebuilder:validation:Enum=ID;Username;Email
type UserLookup string

const (
	// UserLookupID uses the userID as Keycloak's own ID of the user.
	UserLookupID UserLookup = "ID"
	// UserLookupUsername looks the user up by username.
	UserLookupUsername UserLookup = "Username"
	// UserLookupEmail looks the user up by email address.
	UserLookupEmail UserLookup = "Email"
)

// KeycloakProvider configures a Keycloak server, and the credentials for it.
// The accountID of a UserLogout is the name of a realm, and its userID
// identifies a user in that realm.
type KeycloakProvider struct {
	// endpoint is the URL of Keycloak, with its base path if it has one. It
	// must be https, unless the host is a loopback address or the operator runs
	// with --allow-insecure-endpoints.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['https', 'http'] && url(self).getHost() != ''",message="must be an absolute URL such as https://keycloak.example"
	Endpoint string `json:"endpoint,omitempty"`

	// tokenRealm is the realm of the client: the only one of accountIDs, or
	// master for a client that may log users out of several realms.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="!self.matches('\\\\p{C}|[^\\\\P{Z} ]|[\\\\x{34f}\\\\x{115f}\\\\x{1160}\\\\x{17b4}\\\\x{17b5}\\\\x{2800}\\\\x{3164}\\\\x{ffa0}]')",message="must not contain invisible characters, or white space other than the space"
	// +kubebuilder:validation:XValidation:rule="!self.startsWith(' ') && !self.endsWith(' ') && !self.contains('  ')",message="must not begin or end with a space, or have two in a row"
	// +kubebuilder:validation:XValidation:rule="!self.matches('[/%?#;\\\\\\\\]|^[.]+$')",message="must not contain any of / \\ % ? # ;, or consist of dots only"
	TokenRealm string `json:"tokenRealm,omitempty"`

	// userLookup says what the userID of a UserLogout is: ID for Keycloak's own
	// ID, Username or Email to look the user up before the logout, in a
	// separate request. The lookup must find exactly one user.
	// +optional
	// +default="ID"
	UserLookup UserLookup `json:"userLookup,omitempty"`

	// credentials references a Secret with the keys clientID and clientSecret
	// of a client that has a service account.
	// +required
	Credentials Credentials `json:"credentials,omitzero"`
}
