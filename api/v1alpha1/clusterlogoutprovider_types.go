package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClusterLogoutProvider configures a service that can log users out: its
// address, its credentials, and which accounts and namespaces may use it. Only
// administrators should write it: nothing that a tenant can write decides where
// a call goes.
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

	// spec defines the service and who may use it.
	// +required
	Spec ClusterLogoutProviderSpec `json:"spec,omitzero"`

	// status reports whether the provider can be used. Only the operator writes
	// it.
	// +optional
	// +default={"observedGeneration": -1}
	Status ClusterLogoutProviderStatus `json:"status,omitempty,omitzero"`
}

// ProviderType is a type of service. Each type has a field in
// ClusterLogoutProviderSpec, and a source file of its own: provider_*_types.go.
//
// +kubebuilder:validation:Enum=AmazonChime;AmazonCognito;GlobalTokenRevocation;Keycloak;OryKratos
type ProviderType string

// ClusterLogoutProviderSpec defines a service and who may use it.
//
// +union
// +kubebuilder:validation:XValidation:rule="self.type == 'AmazonChime' ? has(self.amazonChime) : !has(self.amazonChime)",fieldPath=".amazonChime",message="amazonChime is required when type is AmazonChime, and forbidden otherwise"
// +kubebuilder:validation:XValidation:rule="self.type == 'AmazonCognito' ? has(self.amazonCognito) : !has(self.amazonCognito)",fieldPath=".amazonCognito",message="amazonCognito is required when type is AmazonCognito, and forbidden otherwise"
// +kubebuilder:validation:XValidation:rule="!has(self.amazonCognito) || has(self.amazonCognito.endpoint) || self.accountIDs.all(id, id == '*' || id.startsWith(self.amazonCognito.region + '_'))",fieldPath=".accountIDs",message="must be IDs of user pools of amazonCognito.region, which begin with the region and an underscore, or \"*\""
// +kubebuilder:validation:XValidation:rule="self.type == 'GlobalTokenRevocation' ? has(self.globalTokenRevocation) : !has(self.globalTokenRevocation)",fieldPath=".globalTokenRevocation",message="globalTokenRevocation is required when type is GlobalTokenRevocation, and forbidden otherwise"
// +kubebuilder:validation:XValidation:rule="self.type == 'Keycloak' ? has(self.keycloak) : !has(self.keycloak)",fieldPath=".keycloak",message="keycloak is required when type is Keycloak, and forbidden otherwise"
// +kubebuilder:validation:XValidation:rule="self.type == 'OryKratos' ? has(self.oryKratos) : !has(self.oryKratos)",fieldPath=".oryKratos",message="oryKratos is required when type is OryKratos, and forbidden otherwise"
type ClusterLogoutProviderSpec struct {
	// type is the type of the service. It selects the field below that
	// configures the service.
	// +unionDiscriminator
	// +required
	Type ProviderType `json:"type,omitempty"`

	// amazonChime configures a service that implements Amazon Chime's
	// LogoutUser.
	// +unionMember
	// +optional
	AmazonChime *AmazonChimeProvider `json:"amazonChime,omitempty"`

	// amazonCognito configures user pools of Amazon Cognito.
	// +unionMember
	// +optional
	AmazonCognito *AmazonCognitoProvider `json:"amazonCognito,omitempty"`

	// globalTokenRevocation configures a service that implements Global Token
	// Revocation.
	// +unionMember
	// +optional
	GlobalTokenRevocation *GlobalTokenRevocationProvider `json:"globalTokenRevocation,omitempty"`

	// keycloak configures a Keycloak server.
	// +unionMember
	// +optional
	Keycloak *KeycloakProvider `json:"keycloak,omitempty"`

	// oryKratos configures an Ory Kratos server, or a project of the Ory
	// Network.
	// +unionMember
	// +optional
	OryKratos *OryKratosProvider `json:"oryKratos,omitempty"`

	// tls configures the connections to the service: a private CA, and a client
	// certificate. If absent, the operator trusts the CAs of its image, and
	// shows no certificate.
	// +optional
	TLS *TLS `json:"tls,omitempty"`

	// accountIDs are the accounts whose users may be logged out through this
	// provider; "*" allows any account.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1024
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	AccountIDs []string `json:"accountIDs,omitempty"`

	// allowedNamespaces selects the namespaces whose UserLogouts may use this
	// provider.
	// +required
	AllowedNamespaces AllowedNamespaces `json:"allowedNamespaces,omitzero"`

	// rateLimit limits the calls to the service.
	// +optional
	// +default={}
	RateLimit RateLimit `json:"rateLimit,omitzero"`
}

// Credentials references the Secret that holds the credentials.
type Credentials struct {
	// secretRef names a Secret in the operator's namespace. The keys that it
	// must have depend on the type of the provider.
	// +required
	SecretRef SecretReference `json:"secretRef,omitzero"`
}

// SecretReference names a Secret in the operator's namespace.
type SecretReference struct {
	// name is the name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="must be a valid object name: at most 253 lowercase letters, digits, '-' or '.', starting and ending with a letter or digit"
	Name string `json:"name,omitempty"`
}

// NamespacesFrom says how namespaces are selected.
//
// +kubebuilder:validation:Enum=All;Selector
type NamespacesFrom string

const (
	// NamespacesFromAll allows every namespace.
	NamespacesFromAll NamespacesFrom = "All"
	// NamespacesFromSelector allows the namespaces whose labels match.
	NamespacesFromSelector NamespacesFrom = "Selector"
)

// AllowedNamespaces selects namespaces.
//
// +kubebuilder:validation:XValidation:rule="(self.from == 'Selector') == has(self.selector)",message="selector is required when from is Selector, and forbidden otherwise"
type AllowedNamespaces struct {
	// from is All to allow every namespace, or Selector to allow the namespaces
	// that match the selector.
	// +required
	From NamespacesFrom `json:"from,omitempty"`

	// selector selects namespaces by their labels.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// RateLimit limits calls by a token bucket.
type RateLimit struct {
	// requestsPerSecond is the maximum number of calls per second, on average.
	// +optional
	// +default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	RequestsPerSecond int32 `json:"requestsPerSecond,omitempty"`

	// burst is how many calls may be made at once after an idle period.
	// +optional
	// +default=5
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	Burst int32 `json:"burst,omitempty"`
}

// ClusterLogoutProviderStatus reports whether the provider can be used.
type ClusterLogoutProviderStatus struct {
	// conditions are Ready and, while Ready is not True, Reconciling or
	// Stalled: Reconciling if the provider may recover by itself or once a
	// referenced object is fixed, Stalled if only a change of the spec helps.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status
	// describes; -1 until the operator has seen the object.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// waiting is the number of UserLogouts that wait for a slot to call,
	// because of the rate limit or because calls are paused. It is updated
	// about every ten seconds while it changes. Waits shorter than two seconds
	// are not reported.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Waiting *int32 `json:"waiting,omitempty"`

	// hold is set while all calls are paused because the service fails. It is
	// absent while calls are made, even if the calls of some namespaces are
	// paused. Pauses shorter than two seconds are not reported. The operator
	// keeps hold here so that a restart does not end the pause.
	// +optional
	Hold *ProviderHold `json:"hold,omitempty"`
}

// ProviderHold reports why calls to a service are paused, and until when.
type ProviderHold struct {
	// reason is the reason of the last failure: one of the reasons of a
	// UserLogout whose call failed.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason,omitempty"`

	// message is the message of the last failure.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Message string `json:"message,omitempty"`

	// since is when the pause began.
	// +required
	Since metav1.Time `json:"since,omitzero"`

	// nextProbeTime is when a single call, the probe, may be made. If it
	// succeeds, all calls resume.
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
