{{- /* Conditions are constants, which the tool does not read; a test holds this part to api/v1alpha1/conditions.go. */ -}}
{{- define "conditions" -}}
## Conditions

| Type | True | False | Unknown | absent |
|---|---|---|---|---|
| `Ready` | logged out; a provider: can be used | not, and the reason says why | waits for its turn or for an answer | not seen yet |
| `Finished` | over, either way: [`Succeeded`](runbook/Succeeded.md) or [`Failed`](runbook/Failed.md) | not over: [`InProgress`](runbook/InProgress.md) or [`Suspended`](runbook/Suspended.md) | – | not seen yet; on a provider always |
| `Reconciling` | the operator works towards Ready, or waits to: [`Progressing`](runbook/Progressing.md), [`ProgressingWithRetry`](runbook/ProgressingWithRetry.md) or [`Queued`](runbook/Queued.md) | – | – | otherwise |
| `Stalled` | the operator has given up: for good, or on a provider until its spec is changed | – | – | otherwise |

Which of them stand together: [decision 2](decisions/0002-conditions.md). Each reason has a page in the
[runbook](runbook/README.md). Those of `Ready`:

| | UserLogout | ClusterLogoutProvider |
|---|---|---|
| good | [`LoggedOut`](runbook/LoggedOut.md) | [`Available`](runbook/Available.md) |
| under way | [`Calling`](runbook/Calling.md), [`Queued`](runbook/Queued.md), [`Progressing`](runbook/Progressing.md) | |
| held by somebody | [`Suspended`](runbook/Suspended.md), [`ProviderNotFound`](runbook/ProviderNotFound.md), [`ProviderNotReady`](runbook/ProviderNotReady.md), [`NotAllowed`](runbook/NotAllowed.md) | [`InvalidEndpoint`](runbook/InvalidEndpoint.md), [`InvalidSpec`](runbook/InvalidSpec.md), [`SecretNotFound`](runbook/SecretNotFound.md), [`InvalidSecret`](runbook/InvalidSecret.md), [`CredentialsUnavailable`](runbook/CredentialsUnavailable.md) |
| the call failed and is retried; a provider: calls are held | [`Unauthorized`](runbook/Unauthorized.md), [`Throttled`](runbook/Throttled.md), [`ServiceUnavailable`](runbook/ServiceUnavailable.md), [`ServiceFailure`](runbook/ServiceFailure.md), [`EndpointUnreachable`](runbook/EndpointUnreachable.md), [`UnexpectedResponse`](runbook/UnexpectedResponse.md) | the same |
| failed for good | [`BadRequest`](runbook/BadRequest.md), [`NotFound`](runbook/NotFound.md), [`Forbidden`](runbook/Forbidden.md), [`InvalidSpec`](runbook/InvalidSpec.md), [`DeadlineExceeded`](runbook/DeadlineExceeded.md), [`Deleted`](runbook/Deleted.md) | |

An event has a reason beside these where the status cannot be written: [`StatusUnstored`](runbook/StatusUnstored.md).
{{ end -}}
