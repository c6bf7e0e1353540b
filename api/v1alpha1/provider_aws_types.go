package v1alpha1

// AssumeRole says which role to assume.
type AssumeRole struct {
	// roleARN is the ARN of the role.
	// +required
	// +kubebuilder:validation:MinLength=20
	// +kubebuilder:validation:MaxLength=2048
	RoleARN string `json:"roleARN,omitempty"`

	// externalID is what the role's trust policy asks for, if it does.
	// +optional
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=1224
	ExternalID string `json:"externalID,omitempty"`
}
