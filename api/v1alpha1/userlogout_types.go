package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// UserLogout requests that one user is logged out of every device, once. It is
// a one-shot resource: after it has succeeded or failed, the operator makes no
// more calls for it. To log the user out again, create another UserLogout.
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

	// spec defines whom to log out, through which provider, and how long to
	// keep trying.
	// +required
	Spec UserLogoutSpec `json:"spec,omitzero"`

	// status reports what has happened. Only the operator writes it.
	// +optional
	// +default={"observedGeneration": -1}
	Status UserLogoutStatus `json:"status,omitempty,omitzero"`
}

// UserLogoutSpec defines whom to log out, through which provider, and how long
// to keep trying. All fields except suspend and ttlSecondsAfterFinished are
// immutable.
//
// +kubebuilder:validation:XValidation:rule="self.accountID == oldSelf.accountID",fieldPath=.accountID,message="accountID is immutable: one UserLogout is one logout, so create a new object for another account"
// +kubebuilder:validation:XValidation:rule="self.userID == oldSelf.userID",fieldPath=.userID,message="userID is immutable: one UserLogout is one logout, so create a new object for another user"
// +kubebuilder:validation:XValidation:rule="self.providerRef == oldSelf.providerRef",fieldPath=.providerRef,message="providerRef is immutable: one UserLogout is one logout, so create a new object that names the other provider"
// +kubebuilder:validation:XValidation:rule="has(self.notAfter) == has(oldSelf.notAfter) && (!has(self.notAfter) || self.notAfter == oldSelf.notAfter)",fieldPath=.notAfter,message="notAfter is immutable: create a new object with another notAfter, and delete this one or suspend it"
// +kubebuilder:validation:XValidation:rule="self.activeDeadlineSeconds == oldSelf.activeDeadlineSeconds",fieldPath=.activeDeadlineSeconds,message="activeDeadlineSeconds is immutable: create a new object with another deadline, and delete this one or suspend it"
type UserLogoutSpec struct {
	// accountID is the account that the user belongs to, as the service names
	// it: for Amazon Chime, the Chime account ID. It must have 1 to 256
	// characters, and must not consist of dots only, begin or end with a space,
	// or contain two spaces in a row, other white space or invisible
	// characters. It must not be a number such as 1.23456789e+09, which is what
	// templates make of 1234567890 if nobody quotes it. Do not escape it. What
	// the type of the provider cannot send safely, such as a slash in the path
	// of a URL, ends the logout with the reason InvalidSpec. Immutable.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="!self.matches('\\\\p{C}|[^\\\\P{Z} ]|[\\\\x{34f}\\\\x{115f}\\\\x{1160}\\\\x{17b4}\\\\x{17b5}\\\\x{2800}\\\\x{3164}\\\\x{ffa0}]')",message="must not contain invisible characters, or white space other than the space"
	// +kubebuilder:validation:XValidation:rule="!self.startsWith(' ') && !self.endsWith(' ') && !self.contains('  ')",message="must not begin or end with a space, or have two in a row"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^[.]+$')",message="must not consist of dots only"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^[0-9](\\\\.[0-9]+)?[eE][+][0-9]{2,}$')",message="must not be a number in exponential form, as templates write large numbers: quote the ID where it comes from"
	AccountID string `json:"accountID,omitempty"`

	// userID is the user to log out, as the service names them: for Amazon
	// Chime, the Chime user ID. The rules of accountID apply. Immutable.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="!self.matches('\\\\p{C}|[^\\\\P{Z} ]|[\\\\x{34f}\\\\x{115f}\\\\x{1160}\\\\x{17b4}\\\\x{17b5}\\\\x{2800}\\\\x{3164}\\\\x{ffa0}]')",message="must not contain invisible characters, or white space other than the space"
	// +kubebuilder:validation:XValidation:rule="!self.startsWith(' ') && !self.endsWith(' ') && !self.contains('  ')",message="must not begin or end with a space, or have two in a row"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^[.]+$')",message="must not consist of dots only"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^[0-9](\\\\.[0-9]+)?[eE][+][0-9]{2,}$')",message="must not be a number in exponential form, as templates write large numbers: quote the ID where it comes from"
	UserID string `json:"userID,omitempty"`

	// providerRef names the provider through which the user is logged out. It
	// defaults to the ClusterLogoutProvider "default". Immutable.
	// +optional
	// +default={}
	ProviderRef ProviderReference `json:"providerRef,omitzero"`

	// notAfter is the time after which the operator must not log the user out
	// any more. A logout that is not done by then is never done. Set it to
	// guard against a manifest that is applied again much later, from Git or
	// from a backup: it would log out a person who has long signed in again.
	// Immutable. Example: 2026-11-24T12:00:00Z.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Format=date-time
	// +kubebuilder:validation:Pattern=`^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`
	NotAfter *metav1.Time `json:"notAfter,omitempty"`

	// activeDeadlineSeconds is how long the operator keeps trying, in seconds
	// from the first attempt (status.startTime). Before the first attempt, it
	// is how long something other than the object's turn may keep the logout
	// waiting: a provider that is missing or does not allow it, or paused
	// calls. Waiting for a turn at a service that works does not count.
	// Immutable.
	// +optional
	// +default=3600
	// +kubebuilder:validation:Minimum=1
	ActiveDeadlineSeconds int32 `json:"activeDeadlineSeconds,omitempty"`

	// suspend pauses the logout: while it is true, the operator makes no call.
	// When you set it back to false, the clock of activeDeadlineSeconds starts
	// anew with the next attempt.
	// +optional
	Suspend *bool `json:"suspend,omitempty"` //nolint:kubeapilinter // nobools: the name and type batch/v1 Job has, which users know.

	// ttlSecondsAfterFinished is the number of seconds after which the operator
	// deletes the finished object. If absent, the object is kept. With GitOps,
	// take care: after the deletion, the tool applies the object from Git
	// again, which logs the user out again. Set notAfter to prevent that.
	// +optional
	// +kubebuilder:validation:Minimum=0
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`
}

// ProviderReference names a provider.
type ProviderReference struct {
	// kind is the kind of the provider.
	// +optional
	// +default="ClusterLogoutProvider"
	// +kubebuilder:validation:Enum=ClusterLogoutProvider
	Kind string `json:"kind,omitempty"`

	// name is the name of the provider.
	// +optional
	// +default="default"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="must be a valid object name: at most 253 lowercase letters, digits, '-' or '.', starting and ending with a letter or digit"
	Name string `json:"name,omitempty"`
}

// UserLogoutStatus reports what has happened.
type UserLogoutStatus struct {
	// conditions are Ready, Finished, Reconciling and Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status
	// describes; -1 until the operator has seen the object.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// startTime is when the clock of activeDeadlineSeconds started: with the
	// first attempt, or with the first one after suspend was set back to false.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`

	// attempts is the number of attempts claimed so far. The operator writes a
	// claim before each call, so this is never less than the number of calls.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempts int32 `json:"attempts,omitempty"`

	// unconfirmedAttempts is the number of attempts that the service answered
	// with a success that it does not document. Each may have logged the user
	// out. After five, the logout ends with the reason Unconfirmed.
	// +optional
	// +kubebuilder:validation:Minimum=0
	UnconfirmedAttempts int32 `json:"unconfirmedAttempts,omitempty"`

	// lastAttempt is the last attempt whose outcome is known.
	// +optional
	LastAttempt *AttemptStatus `json:"lastAttempt,omitempty"`

	// nextAttemptTime is the time before which the operator makes no call: the
	// end of the backoff after a failed attempt, or the end of the claim while
	// an attempt is under way.
	// +optional
	NextAttemptTime *metav1.Time `json:"nextAttemptTime,omitempty"`

	// completionTime is when the object finished, whether it succeeded or
	// failed. To find unfinished objects, use the field selector
	// status.completionTime= (with an empty value).
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
}

// AttemptStatus is the outcome of one attempt.
type AttemptStatus struct {
	// time is when the attempt was claimed.
	// +required
	Time metav1.Time `json:"time,omitzero"`

	// httpStatusCode is the status code of the answer; absent if no answer
	// came. It is the code that the endpoint sent, which may be one that HTTP
	// does not define.
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

	// requestID is the ID by which those who run the service find the request.
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
