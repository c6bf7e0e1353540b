package manifests

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// rareVerbs are granted although the operator does not use them in TestPermissions, and why.
var rareVerbs = map[string]string{
	"patch /events":                                  "an event of leader election that comes again is counted up",
	"get logout-operator.io/userlogouts":             "the API server has refused to store an outcome",
	"list /secrets":                                  "it does not stream lists: feature WatchList",
	"list /configmaps":                               "likewise",
	"list /namespaces":                               "likewise",
	"list logout-operator.io/clusterlogoutproviders": "likewise",
}

// TestPermissions: an operator that uses all its features is refused no request, and uses all its permissions.
func TestPermissions(t *testing.T) {
	operator := start(t, "--leader-elect")
	failing := create(t, func(obj *v1alpha1.UserLogout) {
		obj.Spec.TTLSecondsAfterFinished = ptr.To[int32](0)
		service.Script(account, obj.Spec.UserID, chimetest.Answer{Code: "NotFoundException"})
	})
	await.Gone(t, admin, failing)
	logOut(t)
	scrape(t, operator.Metrics)
	awaitEvent(t, failing.Name)
	operator.Stop(t)

	if err := controlplane.Unrefused(installed.AuditLog, operatortest.User); err != nil {
		t.Error(err)
	}
	requests, err := controlplane.Requests(installed.AuditLog, operatortest.User)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, r := range requests {
		used[r.Action()] = true
	}
	for verb := range granted(t) {
		if rare := rareVerbs[verb]; used[verb] == (rare != "") {
			t.Errorf("granted %q: used %t, in rareVerbs: %q", verb, used[verb], rare)
		}
	}
}

// granted returns what the operator's roles allow, as "verb group/resource".
func granted(t *testing.T) map[string]bool {
	t.Helper()
	verbs := map[string]bool{}
	for _, obj := range controlplane.MustDecode(t, render(t, "rbac")) {
		if obj.GetName() != operatortest.Account || obj.GetKind() != "Role" && obj.GetKind() != "ClusterRole" {
			continue
		}
		var role struct{ Rules []rbacv1.PolicyRule }
		content, err := json.Marshal(obj)
		if err == nil {
			err = json.Unmarshal(content, &role)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range role.Rules {
			for _, verb := range rule.Verbs {
				for _, resource := range rule.Resources {
					verbs[verb+" "+rule.APIGroups[0]+"/"+resource] = true
				}
			}
		}
	}
	return verbs
}

// awaitEvent returns when there is an event about the object: the operator writes events a moment after the status.
func awaitEvent(t *testing.T, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	w, err := admin.Watch(ctx, &eventsv1.EventList{}, client.InNamespace("tenant"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		if e, ok := event.Object.(*eventsv1.Event); ok && e.Regarding.Name == name {
			return
		}
	}
	t.Fatalf("no event about %s", name)
}

// scrape reads the metrics as three callers: anonymous, one without permissions, and one bound to the role for it.
func scrape(t *testing.T, address string) {
	t.Helper()
	nobody := "{apiVersion: v1, kind: ServiceAccount, metadata: {name: nobody, namespace: tenant}}"
	apply(t, operatortest.Manifests(operatortest.Scraper("tenant", "scraper"), nobody))
	if err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true,
		func(ctx context.Context) (bool, error) {
			connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
			if err == nil {
				_ = connection.Close()
			}
			return err == nil, nil // it creates its certificate first
		}); err != nil {
		t.Fatal(err)
	}
	for caller, want := range map[string]int{"": http.StatusUnauthorized, "nobody": http.StatusForbidden,
		"scraper": http.StatusOK} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		if caller != "" {
			request.Header.Set("Authorization", "Bearer "+serviceAccount(t, caller).BearerToken)
		}
		anyCertificate := &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		response, err := anyCertificate.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != want ||
			strings.Contains(string(body), "logout_operator_") != (want == http.StatusOK) {
			t.Errorf("caller %q: %s, want %d: %.100s (%v)", caller, response.Status, want, body, err)
		}
	}
}

func serviceAccount(t *testing.T, name string) *rest.Config {
	t.Helper()
	config, err := plane.ServiceAccountConfig(t.Context(), "tenant", name)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// TestRefusals checks what neither the operator nor a tenant may do.
func TestRefusals(t *testing.T) {
	const tenantUser = "system:serviceaccount:tenant:editor"
	apply(t, []byte(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: editor, namespace: tenant}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: logout-operator-userlogout-edit}
subjects: [{kind: ServiceAccount, name: editor, namespace: tenant}]
`))
	ours := v1alpha1.GroupVersion.Group
	for _, tc := range []struct {
		who                                   string
		verb, group, resource, sub, namespace string
		want                                  bool
	}{
		// Allowed requests, so that the table can fail.
		{operatortest.User, "list", "", "secrets", "", operatortest.Namespace, true},
		{operatortest.User, "list", "", "configmaps", "", operatortest.Namespace, true},
		{operatortest.User, "patch", ours, "userlogouts", "status", "tenant", true},
		{tenantUser, "create", ours, "userlogouts", "", "tenant", true},
		{tenantUser, "patch", ours, "userlogouts", "", "tenant", true},

		{operatortest.User, "list", "", "secrets", "", "tenant", false},
		{operatortest.User, "list", "", "secrets", "", "", false},
		{operatortest.User, "get", "", "secrets", "", "kube-system", false},
		{operatortest.User, "create", "", "secrets", "", operatortest.Namespace, false},
		{operatortest.User, "update", "", "secrets", "", operatortest.Namespace, false},
		{operatortest.User, "list", "", "configmaps", "", "tenant", false},
		{operatortest.User, "list", "", "configmaps", "", "", false},
		{operatortest.User, "update", "", "configmaps", "", operatortest.Namespace, false},
		{operatortest.User, "list", "", "pods", "", operatortest.Namespace, false},
		{operatortest.User, "create", "", "pods", "", operatortest.Namespace, false},
		{operatortest.User, "create", "", "serviceaccounts", "token", operatortest.Namespace, false},
		{operatortest.User, "update", "", "namespaces", "", "", false},
		{operatortest.User, "create", ours, "userlogouts", "", "tenant", false},
		{operatortest.User, "update", ours, "userlogouts", "", "tenant", false},
		{operatortest.User, "patch", ours, "userlogouts", "", "tenant", false},
		{operatortest.User, "update", ours, "clusterlogoutproviders", "", "", false},
		{operatortest.User, "delete", ours, "clusterlogoutproviders", "", "", false},
		{operatortest.User, "update", "coordination.k8s.io", "leases", "", "kube-system", false},
		{operatortest.User, "update", "apiextensions.k8s.io", "customresourcedefinitions", "", "", false},
		{operatortest.User, "update", "admissionregistration.k8s.io", "validatingadmissionpolicies", "", "", false},
		{operatortest.User, "escalate", "rbac.authorization.k8s.io", "clusterroles", "", "", false},
		{operatortest.User, "impersonate", "", "users", "", "", false},

		{tenantUser, "update", ours, "userlogouts", "status", "tenant", false},
		{tenantUser, "patch", ours, "userlogouts", "status", "tenant", false},
		{tenantUser, "create", ours, "userlogouts", "", "default", false},
		{tenantUser, "get", ours, "clusterlogoutproviders", "", "", false},
		{tenantUser, "update", ours, "clusterlogoutproviders", "", "", false},
		{tenantUser, "get", "", "secrets", "", operatortest.Namespace, false},
	} {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: tc.who, Groups: []string{"system:serviceaccounts", "system:authenticated"},
			ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: tc.verb, Group: tc.group,
				Resource: tc.resource, Subresource: tc.sub, Namespace: tc.namespace}}}
		if err := admin.Create(t.Context(), review); err != nil {
			t.Fatal(err)
		}
		if review.Status.Allowed != tc.want {
			t.Errorf("%+v: allowed %t", tc, review.Status.Allowed)
		}
	}
}

// TestForgedStatus: only the operator can write a status, whatever RBAC allows.
func TestForgedStatus(t *testing.T) {
	suspended := create(t, func(obj *v1alpha1.UserLogout) { obj.Spec.Suspend = ptr.To(true) })
	meta.SetStatusCondition(&suspended.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonLoggedOut})
	provider := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(provider), provider); err != nil {
		t.Fatal(err)
	}
	provider.Status.Waiting = ptr.To[int32](99)
	for _, obj := range []client.Object{suspended, provider} {
		asOperator := rest.CopyConfig(plane.Config)
		asOperator.Impersonate = rest.ImpersonationConfig{UserName: operatortest.User,
			Groups: []string{"system:masters"}}
		operator, err := client.New(asOperator, client.Options{Scheme: admin.Scheme()})
		if err != nil {
			t.Fatal(err)
		}
		for who, c := range map[string]client.Client{"the administrator": admin, "the operator": operator} {
			forged := obj.DeepCopyObject().(client.Object)
			switch err := c.Status().Update(t.Context(), forged, client.DryRunAll); {
			case who == "the operator" && err != nil:
				t.Errorf("%T: %v", obj, err)
			case who != "the operator" &&
				(!apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "written by the logout-operator only")):
				t.Errorf("%T: %s got %v", obj, who, err)
			}
		}
	}
	given := create(t, func(obj *v1alpha1.UserLogout) {
		obj.Status = suspended.Status
		obj.Spec.Suspend = ptr.To(true)
	})
	if len(given.Status.Conditions) > 0 {
		t.Errorf("a status came with the creation: %s", fmt.Sprint(given.Status))
	}
}
