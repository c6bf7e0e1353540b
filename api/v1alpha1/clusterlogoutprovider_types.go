package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClusterLogoutProvider says at which service users are logged out, by which
// credentials, which accounts, and from which namespaces. It is the
// administrator's: nothing a tenant can write decides where a call goes.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=clop,categories=logout
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Rate",type=integer,JSONPath=`.spec.rateLimit.requestsPerSecond`
// +kubebuilder:printcolumn:name="Waiting",type=integer,JSONPath=`.status.waiting`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
type ClusterLogoutProvider struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec describes the service and who may use it.
	// +required
	Spec ClusterLogoutProviderSpec `json:"spec,omitzero"`

	// status says whether the provider can be used. Only the operator writes it.
	// +optional
	// +default={"observedGeneration": -1}
	Status ClusterLogoutProviderStatus `json:"status,omitempty,omitzero"`
}

// ProviderType names a kind of service. Each has a member of the union in
// ClusterLogoutProviderSpec, and a file of its own: provider_*_types.go.
//
// +kubebuilder:validation:Enum=AmazonChime;AmazonCognito;GlobalTokenRevocation;Keycloak;OryKratos
type ProviderType string

// ClusterLogoutProviderSpec describes a service and who may use it.
//
// +union
// +kubebuilder:validation:XValidation:rule="self.type == 'AmazonChime' ? has(self.amazonChime) : !has(self.amazonChime)",fieldPath=".amazonChime",message="amazonChime is required when type is AmazonChime, and forbidden otherwise"
// +kubebuilder:validation:XValidation:rule="self.type == 'AmazonCognito' ? has(self.amazonCognito) : !has(self.amazonCognito)",fieldPath=".amazonCognito",message="amazonCognito is required when type is AmazonCognito, and forbidden otherwise"
// +kubebuilder:validation:XValidation:rule="self.type == 'GlobalTokenRevocation' ? has(self.globalTokenRevocation) : !has(self.globalTokenRevocation)",fieldPath=".globalTokenRevocation",message="globalTokenRevocation is required when type is GlobalTokenRevocation, and forbidden otherwise"
// +kubebuilder:validation:XValidation:rule="self.type == 'Keycloak' ? has(self.keycloak) : !has(self.keycloak)",fieldPath=".keycloak",message="keycloak is required when type is Keycloak, and forbidden otherwise"
// +kubebuilder:validation:XValidation:rule="self.type == 'OryKratos' ? has(self.oryKratos) : !has(self.oryKratos)",fieldPath=".oryKratos",message="oryKratos is required when type is OryKratos, and forbidden otherwise"
type ClusterLogoutProviderSpec struct {
	// type says which member of the union below describes the service.
	// +unionDiscriminator
	// +required
	Type ProviderType `json:"type,omitempty"`

	// amazonChime describes a service that speaks Amazon Chime's LogoutUser.
	// +unionMember
	// +optional
	AmazonChime *AmazonChimeProvider `json:"amazonChime,omitempty"`

	// amazonCognito describes user pools of Amazon Cognito.
	// +unionMember
	// +optional
	AmazonCognito *AmazonCognitoProvider `json:"amazonCognito,omitempty"`

	// globalTokenRevocation describes a service that speaks Global Token
	// Revocation.
	// +unionMember
	// +optional
	GlobalTokenRevocation *GlobalTokenRevocationProvider `json:"globalTokenRevocation,omitempty"`

	// keycloak describes a Keycloak.
	// +unionMember
	// +optional
	Keycloak *KeycloakProvider `json:"keycloak,omitempty"`

	// oryKratos describes an Ory Kratos, or a project of the Ory Network.
	// +unionMember
	// +optional
	OryKratos *OryKratosProvider `json:"oryKratos,omitempty"`

	// accountIDs are the accounts whose users may be logged out through this
	// provider; "*" stands for any.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1024
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	AccountIDs []string `json:"accountIDs,omitempty"`

	// allowedNamespaces are the namespaces whose UserLogouts may use this
	// provider.
	// +required
	AllowedNamespaces AllowedNamespaces `json:"allowedNamespaces,omitzero"`

	// rateLimit bounds the calls to the service.
	// +optional
	// +default={}
	RateLimit RateLimit `json:"rateLimit,omitzero"`
}

// Credentials says where the credentials are.
type Credentials struct {
	// secretRef names a Secret in the operator's namespace. Which keys it has
	// depends on the type of the provider.
	// +required
	SecretRef SecretReference `json:"secretRef,omitzero"`
}

// SecretReference names a Secret in the operator's namespace.
type SecretReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="must be the name of an object: lower case letters, digits, '-' and '.', at most 253, beginning and ending with a letter or digit"
	Name string `json:"name,omitempty"`
}

// NamespacesFrom says how namespaces are chosen.
//
// +kubebuilder:validation:Enum=All;Selector
type NamespacesFrom string

const (
	// NamespacesFromAll allows every namespace.
	NamespacesFromAll NamespacesFrom = "All"
	// NamespacesFromSelector allows the namespaces whose labels match.
	NamespacesFromSelector NamespacesFrom = "Selector"
)

// AllowedNamespaces chooses namespaces.
//
// +kubebuilder:validation:XValidation:rule="(self.from == 'Selector') == has(self.selector)",message="selector is required when from is Selector, and forbidden otherwise"
type AllowedNamespaces struct {
	// from is All, or Selector to choose by label.
	// +required
	From NamespacesFrom `json:"from,omitempty"`

	// selector matches the labels of the namespaces.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// RateLimit is a token bucket.
type RateLimit struct {
	// requestsPerSecond is how many calls a second the service gets at most,
	// over time.
	// +optional
	// +default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	RequestsPerSecond int32 `json:"requestsPerSecond,omitempty"`

	// burst is how many calls may come at once after a pause.
	// +optional
	// +default=5
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	Burst int32 `json:"burst,omitempty"`
}

// ClusterLogoutProviderStatus says whether the provider can be used.
type ClusterLogoutProviderStatus struct {
	// conditions are Ready; Reconciling while it is not Ready and may become so by
	// itself or by what it names, or Stalled while only a change of the spec helps.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec this status was made
	// for; -1 until the operator has seen the object.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// waiting is how many UserLogouts wait for their turn to call, because of
	// the rate limit or because calls are held. It follows with a delay of some
	// seconds, and not if they wait no longer than that.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Waiting *int32 `json:"waiting,omitempty"`

	// hold says that calls are paused because of failures of the service; absent
	// while they are made, be it for some namespaces only. It is kept here so that a restart of the
	// operator does not end it.
	// +optional
	Hold *ProviderHold `json:"hold,omitempty"`
}

// ProviderHold is why and until when no calls are made to a service.
type ProviderHold struct {
	// reason of the last failure: one of those of a UserLogout whose call
	// failed.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason,omitempty"`

	// message of the last failure.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Message string `json:"message,omitempty"`

	// since is when calls were first held.
	// +required
	Since metav1.Time `json:"since,omitzero"`

	// nextProbeTime is when a single call may be made; if it succeeds, calls go
	// on.
	// +required
	NextProbeTime metav1.Time `json:"nextProbeTime,omitzero"`
}

// ClusterLogoutProviderList is a list of ClusterLogoutProviders.
//
// +kubebuilder:object:root=true
type ClusterLogoutProviderList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterLogoutProvider `json:"items"`
}
