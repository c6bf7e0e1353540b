package v1alpha1

// Condition types. Ready, Reconciling and Stalled follow kstatus, which Flux,
// Helm and kpt read. Finished is for kubectl wait.
const (
	// ConditionReady is True when the user has been logged out (on a provider:
	// when the provider can be used). It is Unknown while a call is under way,
	// or while the object waits for a call and none has failed yet. It is False
	// otherwise, and the reason says why.
	ConditionReady = "Ready"
	// ConditionFinished is True when the object will not change any more, with
	// reason Succeeded or Failed. It is False before that, and absent until the
	// operator has first seen the object.
	ConditionFinished = "Finished"
	// ConditionReconciling is True while the operator works towards Ready or
	// waits to do so, and absent otherwise. It is never present together with
	// Stalled.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True when the operator has given up for good (on a
	// provider: until its spec is changed), and absent otherwise.
	ConditionStalled = "Stalled"
)

// Reasons for the progress of a UserLogout, in its conditions.
const (
	// ReasonLoggedOut: the service confirmed the logout.
	ReasonLoggedOut = "LoggedOut"
	// ReasonCalling: an attempt is claimed and its call is under way.
	ReasonCalling = "Calling"
	// ReasonProgressing: there is work to do and nothing prevents it.
	ReasonProgressing = "Progressing"
	// ReasonProgressingWithRetry: an attempt failed, or something outside the
	// object is missing; the next attempt follows by itself.
	ReasonProgressingWithRetry = "ProgressingWithRetry"
	// ReasonQueued: the object has waited for a slot for more than about ten
	// seconds, or its attempt was given back before the call. Written once, not
	// refreshed.
	ReasonQueued = "Queued"
	// ReasonSuspended: spec.suspend is true, so no call is made.
	ReasonSuspended = "Suspended"
	// ReasonInProgress: not finished yet.
	ReasonInProgress = "InProgress"
	// ReasonSucceeded: finished, and the user is logged out.
	ReasonSucceeded = "Succeeded"
	// ReasonFailed: finished without a confirmed logout.
	ReasonFailed = "Failed"
)

// Reasons why no call is made for a UserLogout.
const (
	// ReasonDeadlineExceeded: notAfter or activeDeadlineSeconds passed before
	// the service confirmed the logout. Before the first attempt,
	// activeDeadlineSeconds limits how long calls may be paused, or something
	// other than the object's turn may keep it waiting. Final.
	ReasonDeadlineExceeded = "DeadlineExceeded"
	// ReasonDeleted: the object is being deleted, and a finalizer still keeps
	// it. Final. (On a provider: the same, and no calls are made.)
	ReasonDeleted = "Deleted"
	// ReasonInvalidSpec: the operator cannot send an ID safely to this type of
	// provider, or the schema of this cluster accepts what no service can have.
	// Final. (On a provider: the schema accepted a spec that
	// the operator cannot use. No calls are made until the spec is changed.)
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonProviderNotFound: the provider that providerRef names does not
	// exist.
	ReasonProviderNotFound = "ProviderNotFound"
	// ReasonProviderNotReady: the provider cannot be used as it is configured;
	// the message says why.
	ReasonProviderNotReady = "ProviderNotReady"
	// ReasonNotAllowed: the provider does not allow the namespace or account.
	ReasonNotAllowed = "NotAllowed"
)

// Reasons of events that no condition has.
const (
	// ReasonStatusUnstored: the operator cannot write the status of a
	// UserLogout, because the object is too large, or because something between
	// the operator and the API server's store refuses the write. Until the
	// operator can, it makes no call for the object.
	ReasonStatusUnstored = "StatusUnstored"
)

// Reasons of a UserLogout whose last call failed.
const (
	// ReasonBadRequest: the service rejects the request as malformed. Final.
	ReasonBadRequest = "BadRequest"
	// ReasonNotFound: the service does not know the account or the user. Final.
	ReasonNotFound = "NotFound"
	// ReasonForbidden: the service forbids the operation for good. Final.
	ReasonForbidden = "Forbidden"
	// ReasonUnconfirmed: the service has answered five calls with a success that
	// it does not document, so the user may be logged out or not. Final.
	ReasonUnconfirmed = "Unconfirmed"
	// ReasonUnauthorized: the service does not accept the credentials, or the
	// operator could not get any. Retried slowly.
	ReasonUnauthorized = "Unauthorized"
	// ReasonThrottled: the service asks for fewer calls. Retried.
	ReasonThrottled = "Throttled"
	// ReasonServiceUnavailable: the service is temporarily down. Retried.
	ReasonServiceUnavailable = "ServiceUnavailable"
	// ReasonServiceFailure: the service failed to handle the call. Retried.
	ReasonServiceFailure = "ServiceFailure"
	// ReasonEndpointUnreachable: the endpoint did not answer. Retried.
	ReasonEndpointUnreachable = "EndpointUnreachable"
	// ReasonUnexpectedResponse: the endpoint did not answer as a logout service
	// does. Retried slowly.
	ReasonUnexpectedResponse = "UnexpectedResponse"
)

// Reasons of a provider's Ready condition. It can also have the reasons of a
// UserLogout whose last call failed: they say why calls are paused.
const (
	// ReasonAvailable: the configuration is valid, the credentials resolve, and
	// calls are made. Those of some namespaces may be paused.
	ReasonAvailable = "Available"
	// ReasonInvalidEndpoint: the endpoint is not a usable URL, or it is plain
	// http to another machine and --allow-insecure-endpoints is not set.
	ReasonInvalidEndpoint = "InvalidEndpoint"
	// ReasonSecretNotFound: the Secret is not in the operator's namespace, or
	// is being deleted.
	ReasonSecretNotFound = "SecretNotFound"
	// ReasonInvalidSecret: the Secret lacks a key, or the operator cannot use
	// its value.
	ReasonInvalidSecret = "InvalidSecret"
	// ReasonInvalidConfigMap: the ConfigMap with the CA certificates is not in
	// the operator's namespace, lacks the key, or has something else in it.
	ReasonInvalidConfigMap = "InvalidConfigMap"
	// ReasonCredentialsUnavailable: the operator's AWS identity, the role to
	// assume or the token endpoint gave no credentials.
	ReasonCredentialsUnavailable = "CredentialsUnavailable"
)
