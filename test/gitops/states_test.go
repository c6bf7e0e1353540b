package gitops

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/gitops/verdict"
)

// TestEveryState brings a UserLogout or a provider into every state and lets the tools judge it.
func TestEveryState(t *testing.T) {
	var seen []string
	see := func(state string, obj *unstructured.Unstructured) {
		seen = append(seen, state)
		t.Run(state, func(t *testing.T) {
			judge(t, state, obj)
			record(t, state, obj)
		})
	}
	works, throttles, refuses := newService(t, credentials), newService(t, credentials), newService(t)
	throttles.Script("", "", chimetest.Answer{Code: "ThrottledClientException", Message: "slow down",
		Header: map[string]string{"Retry-After": "300"}, Times: chimetest.Forever})
	works.SignIn(account, "jane", "laptop", "phone")

	// Nobody has looked at these objects yet: there is no operator.
	applyProvider(t, "default", works.URL, "chime-credentials")
	applyProvider(t, "throttles", throttles.URL, "chime-credentials")
	applyProvider(t, "refuses", refuses.URL, "chime-credentials")
	applyProvider(t, "away", closedPort(t), "chime-credentials")
	applyProvider(t, "no-secret", works.URL, "missing")
	applyProvider(t, "no-endpoint", "https://logout.example.com?query", "chime-credentials")
	apply(t, logout("jane", ""))
	see("unseen", get(t, "UserLogout", "jane"))
	see("provider-unseen", get(t, "ClusterLogoutProvider", "default"))

	call := works.Hold(account, "jane")
	operator := startOperator(t)
	see("provider-available", ready(t, "ClusterLogoutProvider", "default", v1alpha1.ReasonAvailable))
	see("provider-secret-not-found", ready(t, "ClusterLogoutProvider", "no-secret", v1alpha1.ReasonSecretNotFound))
	see("provider-invalid-endpoint", ready(t, "ClusterLogoutProvider", "no-endpoint", v1alpha1.ReasonInvalidEndpoint))

	arrived(t, call)
	see("calling", ready(t, "UserLogout", "jane", v1alpha1.ReasonCalling))
	call.Release()
	see("logged-out", ready(t, "UserLogout", "jane", v1alpha1.ReasonLoggedOut))
	apply(t, logout("nobody", "")) // the service does not know the user
	see("not-found", ready(t, "UserLogout", "nobody", v1alpha1.ReasonNotFound))
	apply(t, logout("late", `notAfter: "2020-01-01T00:00:00Z"`))
	see("deadline-exceeded", ready(t, "UserLogout", "late", v1alpha1.ReasonDeadlineExceeded))
	apply(t, logout("deleted", "suspend: true"))
	ready(t, "UserLogout", "deleted", v1alpha1.ReasonSuspended)
	edit(t, "UserLogout", "deleted", `{"metadata": {"finalizers": ["example.com/keep"]}}`)
	if err := admin.Delete(t.Context(), named("UserLogout", "deleted")); err != nil {
		t.Fatal(err)
	}
	see("deleted", ready(t, "UserLogout", "deleted", v1alpha1.ReasonDeleted))
	edit(t, "UserLogout", "deleted", `{"metadata": {"finalizers": null}}`)

	retries := map[string]string{v1alpha1.ConditionReconciling: v1alpha1.ReasonProgressingWithRetry}
	waits := func(state, reason, manifest string) {
		t.Helper()
		apply(t, manifest)
		retries[v1alpha1.ConditionReady] = reason
		see(state, reasons(t, "UserLogout", state, retries))
	}
	waits("provider-not-found", v1alpha1.ReasonProviderNotFound,
		logout("provider-not-found", "providerRef: {name: missing}"))
	waits("provider-not-ready", v1alpha1.ReasonProviderNotReady,
		logout("provider-not-ready", "providerRef: {name: no-secret}"))
	waits("throttled", v1alpha1.ReasonThrottled, logout("throttled", "providerRef: {name: throttles}"))
	see("provider-throttled", ready(t, "ClusterLogoutProvider", "throttles", v1alpha1.ReasonThrottled))
	waits("unauthorized", v1alpha1.ReasonUnauthorized, logout("unauthorized", "providerRef: {name: refuses}"))
	see("provider-unauthorized", ready(t, "ClusterLogoutProvider", "refuses", v1alpha1.ReasonUnauthorized))
	apply(t, logout("unreachable", "providerRef: {name: away}"))
	see("provider-unreachable", ready(t, "ClusterLogoutProvider", "away", v1alpha1.ReasonEndpointUnreachable))
	waits("not-allowed", v1alpha1.ReasonNotAllowed,
		strings.ReplaceAll(logout("not-allowed", ""), account, "another-account"))

	// Both wait for their slots, because the service has sent a Retry-After.
	apply(t, logout("queued", "providerRef: {name: throttles}"))
	apply(t, logout("approval", "suspend: true\n  providerRef: {name: throttles}"))
	see("suspended", ready(t, "UserLogout", "approval", v1alpha1.ReasonSuspended))
	edit(t, "UserLogout", "approval", `{"spec": {"suspend": false}}`)
	see("resumed", ready(t, "UserLogout", "approval", v1alpha1.ReasonProgressing))
	see("queued", ready(t, "UserLogout", "queued", v1alpha1.ReasonQueued))

	// Objects that are finished or ready, and that are edited while there is no operator to see it.
	operator.Kill()
	edit(t, "UserLogout", "jane", `{"spec": {"suspend": true}}`)
	edit(t, "ClusterLogoutProvider", "default", `{"spec": {"rateLimit": {"requestsPerSecond": 20}}}`)
	see("logged-out-edited-unseen", get(t, "UserLogout", "jane"))
	see("provider-edited-unseen", get(t, "ClusterLogoutProvider", "default"))
	startOperator(t)
	see("logged-out-edited", ready(t, "UserLogout", "jane", v1alpha1.ReasonLoggedOut))
	if calls := works.Calls(account, "jane"); calls != 1 {
		t.Errorf("%d calls for one object", calls)
	}

	for _, state := range slices.Concat(verdict.UserLogouts, verdict.Providers) {
		if !slices.Contains(seen, state.Name) {
			t.Errorf("%s was never seen", state.Name)
		}
	}
}

// judge compares the tools' verdicts on an object with the table.
func judge(t *testing.T, name string, obj *unstructured.Unstructured) {
	i := slices.IndexFunc(verdict.UserLogouts, func(s verdict.State) bool { return s.Name == name })
	var want verdict.State
	if i >= 0 {
		want = verdict.UserLogouts[i]
		if finished := kubectlWait(t, obj.GetName()); finished != want.Finished {
			t.Errorf("kubectl wait --for=condition=Finished: %t, want %t", finished, want.Finished)
		}
	} else if i = slices.IndexFunc(verdict.Providers, func(s verdict.State) bool { return s.Name == name }); i >= 0 {
		want = verdict.Providers[i]
	} else {
		t.Fatalf("%s is not in the table", name)
	}
	result, err := status.Compute(obj)
	if err != nil {
		t.Fatal(err)
	}
	health, message, err := verdict.Argo(t.Context(), scripts[obj.GetKind()], obj)
	if err != nil {
		t.Fatal(err)
	}
	if result.Status != want.KStatus || health != want.Argo {
		t.Errorf("kstatus %s (%s), want %s; Argo CD %s (%s), want %s", result.Status, result.Message, want.KStatus,
			health, message, want.Argo)
	}
	t.Logf("kstatus %s, Argo CD %s: %s", result.Status, health, message)
}

func get(t *testing.T, kind, name string) *unstructured.Unstructured {
	t.Helper()
	obj := named(kind, name)
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(obj), obj); err != nil {
		t.Fatal(err)
	}
	return obj
}

func arrived(t *testing.T, call *chimetest.Hold) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case <-call.Arrived():
	case <-ctx.Done():
		t.Fatal("the call never came")
	}
}

// closedPort is an address of this machine on which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(nil)
	s.Close()
	return s.URL
}
