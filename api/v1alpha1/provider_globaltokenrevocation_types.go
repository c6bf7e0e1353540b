package v1alpha1

// GlobalTokenRevocationProviderType is a service that speaks Global Token
// Revocation (draft-parecki-oauth-global-token-revocation).
const GlobalTokenRevocationProviderType ProviderType = "GlobalTokenRevocation"

// SubjectFormat says how a user is identified, by the formats of RFC 9493.
//
// +kubebuilder:validation:Enum=Opaque;Email;IssuerSubject
type SubjectFormat string

const (
	// SubjectFormatOpaque sends the userID as an ID that the service knows.
	SubjectFormatOpaque SubjectFormat = "Opaque"
	// SubjectFormatEmail sends the userID as an email address.
	SubjectFormatEmail SubjectFormat = "Email"
	// SubjectFormatIssuerSubject sends the userID as the subject of an issuer.
	SubjectFormatIssuerSubject SubjectFormat = "IssuerSubject"
)

// GlobalTokenRevocationProvider describes a service that speaks Global Token
// Revocation, and how to sign in to it. The accountID of a UserLogout is not
// sent, as the protocol has none: it is a name for whatever the endpoint serves,
// a tenant for instance, and has to be one of accountIDs.
//
// +kubebuilder:validation:XValidation:rule="self.subjectFormat == 'IssuerSubject' ? has(self.issuer) : !has(self.issuer)",fieldPath=".issuer",message="issuer is required when subjectFormat is IssuerSubject, and forbidden otherwise"
type GlobalTokenRevocationProvider struct {
	// endpoint is the URL of the revocation endpoint, as the service's metadata
	// have it under global_token_revocation_endpoint. It must be https, unless
	// the host is the loopback or the operator runs with
	// --allow-insecure-endpoints.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['https', 'http'] && url(self).getHost() != ''",message="must be an absolute URL such as https://login.example/global-token-revocation"
	Endpoint string `json:"endpoint,omitempty"`

	// subjectFormat says what the userID of a UserLogout is: Opaque for an ID
	// that the service knows, Email for an email address, IssuerSubject for the
	// ID that the issuer gave the user.
	// +required
	SubjectFormat SubjectFormat `json:"subjectFormat,omitempty"`

	// issuer is the issuer of the user's ID, as in the iss of a token.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\p{C}\\\\p{Z}]')",message="must not contain white space or invisible characters"
	Issuer string `json:"issuer,omitempty"`

	// credentials are those to sign in with: a Secret with the key token, a
	// bearer token; with clientCredentials, one with the keys clientID and
	// clientSecret.
	// +required
	Credentials Credentials `json:"credentials,omitzero"`

	// clientCredentials has tokens fetched by OAuth 2.0. Absent means that the
	// token is in the Secret.
	// +optional
	ClientCredentials *ClientCredentials `json:"clientCredentials,omitempty"`
}

// ClientCredentials says where tokens are fetched by the client credentials of
// OAuth 2.0.
type ClientCredentials struct {
	// tokenURL is the URL of the token endpoint. It must be https, unless the
	// host is the loopback or the operator runs with --allow-insecure-endpoints.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['https', 'http'] && url(self).getHost() != ''",message="must be an absolute URL such as https://login.example/oauth2/token"
	TokenURL string `json:"tokenURL,omitempty"`

	// scopes to ask for; absent for what the server gives by default.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:items:Pattern=`^[!#-\[\]-~]+$`
	Scopes []string `json:"scopes,omitempty"`
}
