// Package verdict judges UserLogouts and ClusterLogoutProviders as Argo CD does, and knows the verdict that each of
// their states must get, from Argo CD, from kstatus, and from kubectl wait.
package verdict

import (
	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
)

// State is a state of an object and what tools must make of it: the table of docs/decisions/0002-conditions.md, with a
// row for each reason that a tool could take for something else.
type State struct {
	// Name of the state, and of the file in testdata that has an object in it.
	Name string
	// KStatus is the verdict of kstatus, so that of Flux, Helm 4 and kpt.
	KStatus status.Status
	// Argo is the verdict of Argo CD with the scripts in config/argocd.
	Argo Health
	// Finished: kubectl wait --for=condition=Finished returns.
	Finished bool
	// Exprs is the verdict of Flux with the healthCheckExprs of docs/examples/gitops, which are for providers only.
	Exprs status.Status
}

// UserLogouts are the states of a UserLogout.
var UserLogouts = []State{
	{Name: "unseen", KStatus: status.InProgressStatus, Argo: Progressing},
	{Name: "calling", KStatus: status.InProgressStatus, Argo: Progressing},
	// It will retry.
	{Name: "throttled", KStatus: status.InProgressStatus, Argo: Progressing},
	{Name: "unauthorized", KStatus: status.InProgressStatus, Argo: Progressing},
	// It waits for something outside the object.
	{Name: "provider-not-found", KStatus: status.InProgressStatus, Argo: Progressing},
	{Name: "provider-not-ready", KStatus: status.InProgressStatus, Argo: Progressing},
	{Name: "not-allowed", KStatus: status.InProgressStatus, Argo: Progressing},
	{Name: "queued", KStatus: status.InProgressStatus, Argo: Progressing},

	{Name: "suspended", KStatus: status.InProgressStatus, Argo: Suspended},
	{Name: "resumed", KStatus: status.InProgressStatus, Argo: Progressing},
	// It has failed for good.
	{Name: "not-found", KStatus: status.FailedStatus, Argo: Degraded, Finished: true},
	{Name: "deadline-exceeded", KStatus: status.FailedStatus, Argo: Degraded, Finished: true},
	// To kstatus what is being deleted is that, whatever its conditions say.
	{Name: "deleted", KStatus: status.TerminatingStatus, Argo: Degraded, Finished: true},

	{Name: "logged-out", KStatus: status.CurrentStatus, Argo: Healthy, Finished: true},
	// Edited when it had finished: before the operator has seen that, and after.
	{Name: "logged-out-edited-unseen", KStatus: status.InProgressStatus, Argo: Progressing},
	{Name: "logged-out-edited", KStatus: status.CurrentStatus, Argo: Healthy, Finished: true},
}

// Providers are the states of a ClusterLogoutProvider. It has no Finished condition.
var Providers = []State{
	{Name: "provider-unseen", KStatus: status.InProgressStatus, Argo: Progressing, Exprs: status.InProgressStatus},
	{Name: "provider-available", KStatus: status.CurrentStatus, Argo: Healthy, Exprs: status.CurrentStatus},
	// Calls are held because of trouble that passes.
	{Name: "provider-throttled", KStatus: status.InProgressStatus, Argo: Healthy, Exprs: status.CurrentStatus},
	{Name: "provider-unreachable", KStatus: status.InProgressStatus, Argo: Healthy, Exprs: status.CurrentStatus},
	// Somebody has to fix something.
	{Name: "provider-unauthorized", KStatus: status.InProgressStatus, Argo: Degraded, Exprs: status.InProgressStatus},
	{Name: "provider-secret-not-found", KStatus: status.InProgressStatus, Argo: Degraded, Exprs: status.InProgressStatus},
	// Only a change of the spec helps.
	{Name: "provider-invalid-endpoint", KStatus: status.FailedStatus, Argo: Degraded, Exprs: status.FailedStatus},
	{Name: "provider-edited-unseen", KStatus: status.InProgressStatus, Argo: Progressing, Exprs: status.InProgressStatus},
}
