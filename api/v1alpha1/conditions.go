package v1alpha1

// Condition types. Ready, Reconciling and Stalled follow kstatus, so that Flux,
// Helm and kpt read them; Finished is for kubectl wait.
const (
	// ConditionReady is True when the user has been logged out (or, on a
	// provider, when it can be used), Unknown while a call is under way, and
	// False otherwise, with the reason.
	ConditionReady = "Ready"
	// ConditionFinished is True when the object will not change any more, with
	// reason Succeeded or Failed; False from the first look at it until then.
	ConditionFinished = "Finished"
	// ConditionReconciling is True while the operator works towards Ready or
	// waits to, and absent otherwise. Never present together with Stalled.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True when the operator has given up for good (on a
	// provider: until its spec is changed), and absent otherwise.
	ConditionStalled = "Stalled"
)

// Reasons of the conditions of a UserLogout that say where it stands.
const (
	// ReasonLoggedOut: the service confirmed the logout.
	ReasonLoggedOut = "LoggedOut"
	// ReasonCalling: an attempt is claimed and its call is under way.
	ReasonCalling = "Calling"
	// ReasonProgressing: there is work to do and nothing stands in its way.
	ReasonProgressing = "Progressing"
	// ReasonProgressingWithRetry: an attempt failed, or something outside the
	// object is missing; the next attempt follows by itself.
	ReasonProgressingWithRetry = "ProgressingWithRetry"
	// ReasonQueued: waiting for its turn to call for more than about ten seconds,
	// or its attempt was given back before the call. Written once, not refreshed.
	ReasonQueued = "Queued"
	// ReasonSuspended: spec.suspend holds it.
	ReasonSuspended = "Suspended"
	// ReasonInProgress: not finished yet.
	ReasonInProgress = "InProgress"
	// ReasonSucceeded: finished, and the user is logged out.
	ReasonSucceeded = "Succeeded"
	// ReasonFailed: finished without a confirmed logout.
	ReasonFailed = "Failed"
)

// Reasons of a UserLogout for which no call is made.
const (
	// ReasonDeadlineExceeded: notAfter or activeDeadlineSeconds passed before
	// the service confirmed the logout, or calls were paused for that long. Final.
	ReasonDeadlineExceeded = "DeadlineExceeded"
	// ReasonDeleted: the object is being deleted, and somebody's finalizer keeps
	// it for now. Final. (On a provider: the same, and no calls are made.)
	ReasonDeleted = "Deleted"
	// ReasonInvalidSpec: the operator refuses an ID that the schema of this
	// cluster let pass. Final. (On a provider: what its schema let pass, until
	// the spec is changed.)
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonProviderNotFound: there is no provider of the name in providerRef.
	ReasonProviderNotFound = "ProviderNotFound"
	// ReasonProviderNotReady: the provider cannot be used as it is configured;
	// the message says why.
	ReasonProviderNotReady = "ProviderNotReady"
	// ReasonNotAllowed: the provider does not allow the namespace or account.
	ReasonNotAllowed = "NotAllowed"
)

// Reasons of events that are not those of a condition.
const (
	// ReasonStatusUnstored: the status of a UserLogout cannot be written, since the
	// object is too large, or something between the operator and the API server's
	// store refuses it. No call is made meanwhile.
	ReasonStatusUnstored = "StatusUnstored"
)

// Reasons of a UserLogout whose last call failed.
const (
	// ReasonBadRequest: the service refuses the request as malformed. Final.
	ReasonBadRequest = "BadRequest"
	// ReasonNotFound: the service knows no such account or user. Final.
	ReasonNotFound = "NotFound"
	// ReasonForbidden: the service forbids the operation for good. Final.
	ReasonForbidden = "Forbidden"
	// ReasonUnauthorized: the service does not accept the credentials, or they
	// could not be had. Retried slowly.
	ReasonUnauthorized = "Unauthorized"
	// ReasonThrottled: the service asks for fewer calls. Retried.
	ReasonThrottled = "Throttled"
	// ReasonServiceUnavailable: the service is down for the moment. Retried.
	ReasonServiceUnavailable = "ServiceUnavailable"
	// ReasonServiceFailure: the service failed. Retried.
	ReasonServiceFailure = "ServiceFailure"
	// ReasonEndpointUnreachable: no answer came. Retried.
	ReasonEndpointUnreachable = "EndpointUnreachable"
	// ReasonUnexpectedResponse: what answered is not a logout service.
	// Retried slowly.
	ReasonUnexpectedResponse = "UnexpectedResponse"
)

// Reasons of a provider's Ready condition, beside those of a UserLogout whose
// last call failed: on a provider they say why no calls are made for now.
const (
	// ReasonAvailable: the configuration is valid, the credentials resolve, and
	// nothing is known against the service.
	ReasonAvailable = "Available"
	// ReasonInvalidEndpoint: the endpoint is no usable URL, or plain http to
	// another machine.
	ReasonInvalidEndpoint = "InvalidEndpoint"
	// ReasonSecretNotFound: the Secret is not in the operator's namespace.
	ReasonSecretNotFound = "SecretNotFound"
	// ReasonInvalidSecret: the Secret lacks a key.
	ReasonInvalidSecret = "InvalidSecret"
	// ReasonCredentialsUnavailable: the AWS identity or the role to assume
	// gave no credentials.
	ReasonCredentialsUnavailable = "CredentialsUnavailable"
)
