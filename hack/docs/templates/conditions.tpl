{{- /* Conditions are constants, which the tool does not read; a test holds this part to api/v1alpha1/conditions.go. */ -}}
{{- define "conditions" -}}
## Conditions

| Type | True | False | Unknown | absent |
|---|---|---|---|---|
| `Ready` | the user is logged out; a provider: it can be used | not yet or not at all; the reason says why | the object waits for a slot or for a response | the operator has not seen it yet |
| `Finished` | the object has ended: [`Succeeded`](runbook/Succeeded.md) or [`Failed`](runbook/Failed.md) | the object has not ended: [`InProgress`](runbook/InProgress.md) or [`Suspended`](runbook/Suspended.md) | – | the operator has not seen it yet; always on a provider |
| `Reconciling` | the operator works on the object, or the object waits: [`Progressing`](runbook/Progressing.md), [`ProgressingWithRetry`](runbook/ProgressingWithRetry.md) or [`Queued`](runbook/Queued.md) | – | – | otherwise |
| `Stalled` | the operator has given up: for good, or for a provider until its spec is changed | – | – | otherwise |

Which of them appear together: [decision 2](decisions/0002-conditions.md). Each reason has a page in the
[runbook](runbook/README.md). Those of `Ready`:

| | UserLogout | ClusterLogoutProvider |
|---|---|---|
| good | [`LoggedOut`](runbook/LoggedOut.md) | [`Available`](runbook/Available.md) |
| in progress | [`Calling`](runbook/Calling.md), [`Queued`](runbook/Queued.md), [`Progressing`](runbook/Progressing.md) | |
| waits until somebody changes something | [`Suspended`](runbook/Suspended.md), [`ProviderNotFound`](runbook/ProviderNotFound.md), [`ProviderNotReady`](runbook/ProviderNotReady.md), [`NotAllowed`](runbook/NotAllowed.md) | [`InvalidEndpoint`](runbook/InvalidEndpoint.md), [`InvalidSpec`](runbook/InvalidSpec.md), [`SecretNotFound`](runbook/SecretNotFound.md), [`InvalidSecret`](runbook/InvalidSecret.md), [`InvalidConfigMap`](runbook/InvalidConfigMap.md), [`CredentialsUnavailable`](runbook/CredentialsUnavailable.md) |
| the call failed and is retried; a provider: calls are paused | [`Unauthorized`](runbook/Unauthorized.md), [`Throttled`](runbook/Throttled.md), [`ServiceUnavailable`](runbook/ServiceUnavailable.md), [`ServiceFailure`](runbook/ServiceFailure.md), [`EndpointUnreachable`](runbook/EndpointUnreachable.md), [`UnexpectedResponse`](runbook/UnexpectedResponse.md) | the same |
| failed for good | [`BadRequest`](runbook/BadRequest.md), [`NotFound`](runbook/NotFound.md), [`Forbidden`](runbook/Forbidden.md), [`InvalidSpec`](runbook/InvalidSpec.md), [`DeadlineExceeded`](runbook/DeadlineExceeded.md), [`Unconfirmed`](runbook/Unconfirmed.md), [`Deleted`](runbook/Deleted.md) | |

If a status cannot be written, an event has the reason [`StatusUnstored`](runbook/StatusUnstored.md).
{{ end -}}
