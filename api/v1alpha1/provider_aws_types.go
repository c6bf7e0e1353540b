package v1alpha1

// AssumeRole names the role to assume.
type AssumeRole struct {
	// roleARN is the ARN of the role.
	// +required
	// +kubebuilder:validation:MinLength=20
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^arn:[a-z0-9-]+:iam::[0-9]{12}:role/[!-~]+$')",message="must be the ARN of a role, such as arn:aws:iam::123456789012:role/logout"
	RoleARN string `json:"roleARN,omitempty"`

	// externalID is the external ID that the role's trust policy requires, if
	// it requires one.
	// +optional
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=1224
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9A-Za-z_+=,.@:/-]+$')",message="may contain only letters, digits and any of _ + = , . @ : / -"
	ExternalID string `json:"externalID,omitempty"`
}
