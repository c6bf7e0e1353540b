package v1alpha1

// TLS configures how the operator connects to a service over TLS: whom it
// trusts, and which certificate it shows. It applies to all connections for the
// provider, also to those to its token endpoint, to AWS STS, and to a proxy
// whose URL is https.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.caBundle) || !has(self.caBundleRef)",fieldPath=".caBundle",message="set caBundle or caBundleRef, not both"
type TLS struct {
	// caBundle is the certificates of the CAs to trust, in PEM. They replace
	// the CAs of the system, which are trusted if neither caBundle nor
	// caBundleRef is set. A service's own certificate works, too.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=65536
	// +kubebuilder:validation:XValidation:rule="self.contains('-----BEGIN CERTIFICATE-----')",message="must contain at least one certificate in PEM (-----BEGIN CERTIFICATE-----)"
	// +kubebuilder:validation:XValidation:rule="!self.contains('PRIVATE KEY')",message="must not contain a private key: everybody who may read this object could read it"
	CABundle string `json:"caBundle,omitempty"`

	// caBundleRef references a ConfigMap or Secret that contains what caBundle
	// would. The operator uses a changed bundle at once.
	// +optional
	CABundleRef *CABundleReference `json:"caBundleRef,omitempty"`

	// clientCertificate is the certificate that the operator shows to servers
	// that ask for one (mTLS). If absent, it shows none.
	// +optional
	ClientCertificate *ClientCertificate `json:"clientCertificate,omitempty"`
}

// CABundleKind is the kind of object that contains a CA bundle.
//
// +kubebuilder:validation:Enum=ConfigMap;Secret
type CABundleKind string

const (
	// CABundleKindConfigMap is a ConfigMap, as trust-manager and OpenShift
	// write it.
	CABundleKindConfigMap CABundleKind = "ConfigMap"
	// CABundleKindSecret is a Secret, as cert-manager writes it.
	CABundleKindSecret CABundleKind = "Secret"
)

// CABundleReference references a key of an object in the operator's namespace.
type CABundleReference struct {
	// kind is ConfigMap or Secret.
	// +required
	Kind CABundleKind `json:"kind,omitempty"`

	// name is the name of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="must be a valid object name: at most 253 lowercase letters, digits, '-' or '.', starting and ending with a letter or digit"
	Name string `json:"name,omitempty"`

	// key is the key in the object's data.
	// +optional
	// +default="ca.crt"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-._a-zA-Z0-9]+$')",message="must consist of letters, digits, '-', '_' and '.'"
	Key string `json:"key,omitempty"`
}

// ClientCertificate references the Secret that holds a client certificate.
type ClientCertificate struct {
	// secretRef names a Secret in the operator's namespace with the keys
	// tls.crt, the certificate and its intermediate CAs, and tls.key, its
	// private key, in PEM: a Secret of type kubernetes.io/tls, as cert-manager
	// writes it. The operator uses a renewed certificate at once. It does not
	// use the Secret's ca.crt: that is the CA of this certificate, and the
	// service's own may be from another.
	// +required
	SecretRef SecretReference `json:"secretRef,omitzero"`
}
