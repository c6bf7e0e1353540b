package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// UserLogout asks for one user to be logged out of every device, once. It is a
// one-shot resource: when it has finished, one way or the other, it never calls
// again. To log the user out once more, create another UserLogout.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ulo,categories=logout
// +kubebuilder:selectablefield:JSONPath=`.spec.accountID`
// +kubebuilder:selectablefield:JSONPath=`.spec.userID`
// +kubebuilder:selectablefield:JSONPath=`.status.completionTime`
// +kubebuilder:printcolumn:name="Account",type=string,JSONPath=`.spec.accountID`
// +kubebuilder:printcolumn:name="User",type=string,JSONPath=`.spec.userID`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Attempts",type=integer,JSONPath=`.status.attempts`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Provider",type=string,JSONPath=`.spec.providerRef.name`,priority=1
// +kubebuilder:printcolumn:name="Request-ID",type=string,JSONPath=`.status.lastAttempt.requestID`,priority=1
// +kubebuilder:printcolumn:name="Completed",type=date,JSONPath=`.status.completionTime`,priority=1
type UserLogout struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec says whom to log out, where, and until when to try.
	// +required
	Spec UserLogoutSpec `json:"spec,omitzero"`

	// status says what has happened. Only the operator writes it.
	// +optional
	// +default={"observedGeneration": -1}
	Status UserLogoutStatus `json:"status,omitempty,omitzero"`
}

// UserLogoutSpec says whom to log out, where, and until when to try. Everything
// but suspend and ttlSecondsAfterFinished is immutable.
//
// +kubebuilder:validation:XValidation:rule="self.accountID == oldSelf.accountID",fieldPath=.accountID,message="accountID is immutable: one UserLogout is one logout, so create a new object for another account"
// +kubebuilder:validation:XValidation:rule="self.userID == oldSelf.userID",fieldPath=.userID,message="userID is immutable: one UserLogout is one logout, so create a new object for another user"
// +kubebuilder:validation:XValidation:rule="self.providerRef == oldSelf.providerRef",fieldPath=.providerRef,message="providerRef is immutable: one UserLogout is one logout, so create a new object that names the other provider"
// +kubebuilder:validation:XValidation:rule="has(self.notAfter) == has(oldSelf.notAfter) && (!has(self.notAfter) || self.notAfter == oldSelf.notAfter)",fieldPath=.notAfter,message="notAfter is immutable: create a new object with another notAfter, and delete this one or suspend it"
// +kubebuilder:validation:XValidation:rule="self.activeDeadlineSeconds == oldSelf.activeDeadlineSeconds",fieldPath=.activeDeadlineSeconds,message="activeDeadlineSeconds is immutable: create a new object with another deadline, and delete this one or suspend it"
type UserLogoutSpec struct {
	// accountID is the account the user belongs to, as the provider's service
	// names it: for Amazon Chime, the Chime account ID.
	// 1 to 256 characters; no white space or invisible characters, none of
	// / \ ? # % { }, and not "." or "..". Immutable.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\p{C}\\\\p{Z}/\\\\\\\\?#%{}]')",message="must not contain white space, invisible characters or any of / \\ ? # % { }"
	// +kubebuilder:validation:XValidation:rule="!(self in ['.', '..'])",message="must not be \".\" or \"..\""
	AccountID string `json:"accountID,omitempty"`

	// userID is the user to log out, as the provider's service names them: for
	// Amazon Chime, the Chime user ID. The rules of accountID apply. Immutable.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\\\p{C}\\\\p{Z}/\\\\\\\\?#%{}]')",message="must not contain white space, invisible characters or any of / \\ ? # % { }"
	// +kubebuilder:validation:XValidation:rule="!(self in ['.', '..'])",message="must not be \".\" or \"..\""
	UserID string `json:"userID,omitempty"`

	// providerRef names the provider that makes the call; by default the
	// ClusterLogoutProvider "default". Immutable.
	// +optional
	// +default={}
	ProviderRef ProviderReference `json:"providerRef,omitzero"`

	// notAfter is the moment after which the user must not be logged out any
	// more: a logout not done by then is not done at all. It is the guard
	// against a manifest that is applied again much later (from Git, from a
	// backup) logging out a person who has long signed in again. Immutable. As
	// in 2026-11-24T12:00:00Z.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Format=date-time
	// +kubebuilder:validation:Pattern=`^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`
	NotAfter *metav1.Time `json:"notAfter,omitempty"`

	// activeDeadlineSeconds is how long to keep trying, in seconds from the first
	// attempt (status.startTime). Before that, it is how long something other than
	// its turn may keep the logout waiting: a provider that is missing or does not
	// allow it, or calls that are paused. Waiting for its turn at a service that
	// works takes no time off it. Immutable.
	// +optional
	// +default=3600
	// +kubebuilder:validation:Minimum=1
	ActiveDeadlineSeconds int32 `json:"activeDeadlineSeconds,omitempty"`

	// suspend holds the logout while true: no call is made. After it is lifted,
	// the clock of activeDeadlineSeconds starts anew.
	// +optional
	Suspend *bool `json:"suspend,omitempty"` //nolint:kubeapilinter // nobools: the name and type batch/v1 Job has, which users know.

	// ttlSecondsAfterFinished deletes the object this many seconds after it
	// finished; absent keeps it. Beware in GitOps: what Git holds is applied
	// again once it is deleted, and logs the user out again; set notAfter.
	// +optional
	// +kubebuilder:validation:Minimum=0
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`
}

// ProviderReference names a provider.
type ProviderReference struct {
	// kind of the provider.
	// +optional
	// +default="ClusterLogoutProvider"
	// +kubebuilder:validation:Enum=ClusterLogoutProvider
	Kind string `json:"kind,omitempty"`

	// name of the provider.
	// +optional
	// +default="default"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="must be the name of an object: lower case letters, digits, '-' and '.', at most 253, beginning and ending with a letter or digit"
	Name string `json:"name,omitempty"`
}

// UserLogoutStatus says what has happened.
type UserLogoutStatus struct {
	// conditions are Ready, Finished, Reconciling and Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec this status was made
	// for; -1 until the operator has seen the object.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// startTime is when the clock of activeDeadlineSeconds started: the first
	// attempt, or the first one since suspend was lifted.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`

	// attempts is how many calls have been claimed so far. A claim is written
	// before each call, so it is never less than the calls made.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempts int32 `json:"attempts,omitempty"`

	// lastAttempt is the last call whose outcome is known.
	// +optional
	LastAttempt *AttemptStatus `json:"lastAttempt,omitempty"`

	// nextAttemptTime is the time before which no call is made: the backoff
	// after a failed attempt, or the end of the claim of one under way.
	// +optional
	NextAttemptTime *metav1.Time `json:"nextAttemptTime,omitempty"`

	// completionTime is when the object finished, either way. Unfinished
	// objects are found by the field selector status.completionTime= (empty).
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
}

// AttemptStatus is the outcome of one call.
type AttemptStatus struct {
	// time of the claim of the attempt.
	// +required
	Time metav1.Time `json:"time,omitzero"`

	// httpStatusCode of the answer; absent if none came. It is as the endpoint
	// sent it, so not always one that HTTP defines.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=999
	HTTPStatusCode int32 `json:"httpStatusCode,omitempty"`

	// code is the service's own error code.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Code string `json:"code,omitempty"`

	// message says what went wrong.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Message string `json:"message,omitempty"`

	// requestID by which the service's operator finds the request.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	RequestID string `json:"requestID,omitempty"`
}

// UserLogoutList is a list of UserLogouts.
//
// +kubebuilder:object:root=true
type UserLogoutList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []UserLogout `json:"items"`
}
