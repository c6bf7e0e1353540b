// Package verdict judges UserLogouts and ClusterLogoutProviders as Argo CD does, and has the verdicts that Argo CD,
// kstatus and kubectl wait must give for each of their states.
package verdict

import (
	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
)

// State is a state of an object and the tools' required verdicts: the table of docs/decisions/0002-conditions.md, with
// a row for each reason that a tool could misjudge.
type State struct {
	// Name of the state, and of the file in testdata with an object in this state.
	Name string
	// KStatus is the verdict of kstatus, and so of Flux, Helm 4 and kpt.
	KStatus status.Status
	// Argo is the verdict of Argo CD with the scripts in config/argocd.
	Argo Health
	// Finished: kubectl wait --for=condition=Finished returns.
	Finished bool
	// Exprs is the verdict of Flux with the healthCheckExprs of docs/examples/gitops, which are only for providers.
	Exprs status.Status
}

// UserLogouts are the states of a UserLogout.
var UserLogouts = []State{
	{Name: "unseen", KStatus: status.InProgressStatus, Argo: Progressing},
	{Name: "calling", KStatus: status.InProgressStatus, Argo: Progressing},
	// It will retry.
	{Name: "throttled", KStatus: status.InProgressStatus, Argo: Progressing},
	{Name: "unauthorized", KStatus: status.InProgressStatus, Argo: Progressing},
	// It waits for a change outside the object.
	{Name: "provider-not-found", KStatus: status.InProgressStatus, Argo: Progressing},
	{Name: "provider-not-ready", KStatus: status.InProgressStatus, Argo: Progressing},
	{Name: "not-allowed", KStatus: status.InProgressStatus, Argo: Progressing},
	{Name: "queued", KStatus: status.InProgressStatus, Argo: Progressing},

	{Name: "suspended", KStatus: status.InProgressStatus, Argo: Suspended},
	{Name: "resumed", KStatus: status.InProgressStatus, Argo: Progressing},
	// It has failed for good.
	{Name: "not-found", KStatus: status.FailedStatus, Argo: Degraded, Finished: true},
	{Name: "deadline-exceeded", KStatus: status.FailedStatus, Argo: Degraded, Finished: true},
	// For kstatus, an object with a deletion timestamp is terminating, whatever its conditions say.
	{Name: "deleted", KStatus: status.TerminatingStatus, Argo: Degraded, Finished: true},

	{Name: "logged-out", KStatus: status.CurrentStatus, Argo: Healthy, Finished: true},
	// Edited after it had finished: before the operator has seen the edit, and after.
	{Name: "logged-out-edited-unseen", KStatus: status.InProgressStatus, Argo: Progressing},
	{Name: "logged-out-edited", KStatus: status.CurrentStatus, Argo: Healthy, Finished: true},
}

// Providers are the states of a ClusterLogoutProvider, which has no Finished condition.
var Providers = []State{
	{Name: "provider-unseen", KStatus: status.InProgressStatus, Argo: Progressing, Exprs: status.InProgressStatus},
	{Name: "provider-available", KStatus: status.CurrentStatus, Argo: Healthy, Exprs: status.CurrentStatus},
	// Calls are paused because of a temporary failure.
	{Name: "provider-throttled", KStatus: status.InProgressStatus, Argo: Healthy, Exprs: status.CurrentStatus},
	{Name: "provider-unreachable", KStatus: status.InProgressStatus, Argo: Healthy, Exprs: status.CurrentStatus},
	// Somebody has to fix something.
	{Name: "provider-unauthorized", KStatus: status.InProgressStatus, Argo: Degraded, Exprs: status.InProgressStatus},
	{Name: "provider-secret-not-found", KStatus: status.InProgressStatus, Argo: Degraded,
		Exprs: status.InProgressStatus},
	// Only a change of the spec helps.
	{Name: "provider-invalid-endpoint", KStatus: status.FailedStatus, Argo: Degraded, Exprs: status.FailedStatus},
	{Name: "provider-edited-unseen", KStatus: status.InProgressStatus, Argo: Progressing,
		Exprs: status.InProgressStatus},
}
