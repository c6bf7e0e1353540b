package v1alpha1

// GlobalTokenRevocationProviderType is the type of a service that implements
// Global Token Revocation (draft-parecki-oauth-global-token-revocation).
const GlobalTokenRevocationProviderType ProviderType = "GlobalTokenRevocation"

// SubjectFormat says how a user is identified, in the formats of RFC 9493 or by
// an attribute.
//
// +kubebuilder:validation:Enum=Opaque;Email;IssuerSubject;Attribute
type SubjectFormat string

const (
	// SubjectFormatOpaque sends the userID as an ID that the service knows.
	SubjectFormatOpaque SubjectFormat = "Opaque"
	// SubjectFormatEmail sends the userID as an email address.
	SubjectFormatEmail SubjectFormat = "Email"
	// SubjectFormatIssuerSubject sends the userID as the subject of an issuer.
	SubjectFormatIssuerSubject SubjectFormat = "IssuerSubject"
	// SubjectFormatAttribute sends the userID as an ID, and the name of a user's
	// attribute as the format, as the Janssen server wants it.
	SubjectFormatAttribute SubjectFormat = "Attribute"
)

// GlobalTokenRevocationProvider configures a service that implements Global
// Token Revocation, and the credentials for it. The protocol has no accounts,
// so the accountID of a UserLogout is not sent. The accountID is a name that
// you choose for whatever the endpoint serves, for example a tenant, and
// accountIDs must allow it.
//
// +kubebuilder:validation:XValidation:rule="self.subjectFormat == 'IssuerSubject' ? has(self.issuer) : !has(self.issuer)",fieldPath=".issuer",message="issuer is required when subjectFormat is IssuerSubject, and forbidden otherwise"
// +kubebuilder:validation:XValidation:rule="self.subjectFormat == 'Attribute' ? has(self.attribute) : !has(self.attribute)",fieldPath=".attribute",message="attribute is required when subjectFormat is Attribute, and forbidden otherwise"
type GlobalTokenRevocationProvider struct {
	// endpoint is the URL of the revocation endpoint, which the service's
	// metadata contain as global_token_revocation_endpoint. It must be https,
	// unless the host is a loopback address or the operator runs with
	// --allow-insecure-endpoints.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['https', 'http'] && url(self).getHost() != ''",message="must be an absolute URL such as https://login.example/global-token-revocation"
	Endpoint string `json:"endpoint,omitempty"`

	// subjectFormat says what the userID of a UserLogout is: Opaque for an ID
	// that the service knows, Email for an email address, IssuerSubject for the
	// ID that the issuer gave the user, Attribute for the value of an attribute
	// that the service has for each user.
	// +required
	SubjectFormat SubjectFormat `json:"subjectFormat,omitempty"`

	// issuer is the issuer of the user's ID, as in the iss claim of a token.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\p{C}\\\\p{Z}]')",message="must not contain white space or invisible characters"
	Issuer string `json:"issuer,omitempty"`

	// attribute is the name of the attribute whose value is the userID, such as
	// mail or uid.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\p{C}\\\\p{Z}]')",message="must not contain white space or invisible characters"
	Attribute string `json:"attribute,omitempty"`

	// acceptedStatusCodes are the HTTP statuses that confirm a logout: 204, as
	// the draft says, unless you set others. Add one only if the service
	// documents that it means success. An answer counts only if its body is empty
	// or an empty JSON object.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:Minimum=200
	// +kubebuilder:validation:items:Maximum=299
	AcceptedStatusCodes []int32 `json:"acceptedStatusCodes,omitempty"`

	// credentials references a Secret with the key token, which is a bearer
	// token. If clientCredentials is set, the Secret has the keys clientID and
	// clientSecret instead.
	// +required
	Credentials Credentials `json:"credentials,omitzero"`

	// clientCredentials configures how the operator fetches tokens by OAuth
	// 2.0. If absent, the token is in the Secret.
	// +optional
	ClientCredentials *ClientCredentials `json:"clientCredentials,omitempty"`
}

// ClientCredentials configures the client credentials grant of OAuth 2.0, by
// which the operator fetches tokens.
type ClientCredentials struct {
	// tokenURL is the URL of the token endpoint. It may have a query, which is
	// no place for a secret: everybody who can read the provider sees it. It
	// must be https, unless the host is a loopback address or the operator runs
	// with --allow-insecure-endpoints.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['https', 'http'] && url(self).getHost() != ''",message="must be an absolute URL such as https://login.example/oauth2/token"
	TokenURL string `json:"tokenURL,omitempty"`

	// scopes are the scopes to ask for. If absent, the server decides.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:items:Pattern=`^[!#-\[\]-~]+$`
	Scopes []string `json:"scopes,omitempty"`

	// authentication says where clientID and clientSecret stand in the token
	// request: Basic in its header, Body in its body. In the terms of OAuth 2.0
	// that is client_secret_basic and client_secret_post.
	// +optional
	// +default="Basic"
	Authentication ClientAuthentication `json:"authentication,omitempty"`

	// parameters are sent in the body of the token request, too. Many servers
	// need an audience or a resource.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Parameters []TokenParameter `json:"parameters,omitempty"`
}

// ClientAuthentication is where a client's credentials stand in a token request.
//
// +kubebuilder:validation:Enum=Basic;Body
type ClientAuthentication string

const (
	// ClientAuthenticationBasic sends the credentials by HTTP Basic.
	ClientAuthenticationBasic ClientAuthentication = "Basic"
	// ClientAuthenticationBody sends the credentials in the body.
	ClientAuthenticationBody ClientAuthentication = "Body"
)

// TokenParameter is a parameter of a token request. It is no place for a secret.
type TokenParameter struct {
	// name is the name of the parameter, such as audience.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9._-]*$')",message="must consist of letters, digits, '.', '_' and '-'"
	// +kubebuilder:validation:XValidation:rule="!(self in ['grant_type', 'scope', 'client_id', 'client_secret'])",message="must not be grant_type, scope, client_id or client_secret, which the operator sets"
	Name string `json:"name,omitempty"`

	// value is the value of the parameter.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="!self.matches('\\\\p{C}')",message="must not contain invisible characters"
	Value string `json:"value,omitempty"`
}
