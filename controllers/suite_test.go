package controllers_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/controllers"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

const (
	operatorNamespace = operatortest.Namespace
	account           = "12a3456b-7c89-012d-3456-78901e23fg45"
)

var (
	objects = flag.Int("objects", 300, "objects of TestOneCallPerObjectWhileRelabelled")

	cluster     client.WithWatch // with the administrator's rights
	service     *chimetest.Server
	credentials = aws.Credentials{AccessKeyID: "AKIDEXAMPLE",
		SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
)

// TestMain runs the operator once for all tests of the package, as its own ServiceAccount under the RBAC of config/,
// against a real API server and a service that verifies signatures.
func TestMain(m *testing.M) {
	flag.Parse()
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true") // no test may ask a cloud for an identity
	ctrl.SetLogger(logr.Discard())
	await.Patience = 2 * time.Minute
	dir, err := os.MkdirTemp("", "controllers-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	auditLog := filepath.Join(dir, "audit.log")
	code := controlplane.Main(suite{m, auditLog}, controlplane.Options{AuditLog: auditLog},
		func(cp *controlplane.ControlPlane) { plane = cp })
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

var plane *controlplane.ControlPlane

// suite runs the tests between the start and the end of the operator.
type suite struct {
	m        *testing.M
	auditLog string
}

func (s suite) Run() int {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended, err := start(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := s.m.Run()
	leaked := findLeaks(ctx)
	refused := controlplane.Unrefused(s.auditLog, operatortest.User)
	stop()
	if err := errors.Join(leaked, refused, <-ended); err != nil {
		fmt.Fprintln(os.Stderr, "operator:", err)
		return 1
	}
	service.Close()
	return code
}

func start(ctx context.Context) (ended <-chan error, err error) {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	if cluster, err = client.NewWithWatch(plane.Config, client.Options{Scheme: scheme}); err != nil {
		return nil, err
	}
	asOperator := rest.CopyConfig(plane.Config) // only this user may write a status: config/policy
	asOperator.Impersonate = rest.ImpersonationConfig{
		UserName: operatortest.User, Groups: []string{"system:masters"}}
	if controllers.TestCluster, err = client.NewWithWatch(asOperator, client.Options{Scheme: scheme}); err != nil {
		return nil, err
	}
	manifests, err := controlplane.Kustomize("../config/default")
	if err != nil {
		return nil, err
	}
	// This leaves out the binding with which the API server refuses plain http, because the operator has to refuse it,
	// too.
	documents := slices.DeleteFunc(strings.Split(string(manifests), "\n---\n"), func(document string) bool {
		return strings.Contains(document, "policyName: logout-operator-endpoints")
	})
	if err := plane.Apply(ctx, []byte(strings.Join(documents, "\n---\n"))); err != nil {
		return nil, err
	}
	own, err := plane.ServiceAccountConfig(ctx, operatorNamespace, "logout-operator")
	if err != nil {
		return nil, err
	}
	service = chimetest.NewServer(chimetest.Options{Credentials: []aws.Credentials{credentials, roleCredentials}})
	sts := httptest.NewServer(http.HandlerFunc(assumeRole))
	context.AfterFunc(ctx, sts.Close)
	os.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
	options := controllers.Options{Workers: 50, CallTimeout: 5 * time.Second, VisibilityTimeout: 10 * time.Second,
		Namespace: operatorNamespace}
	own.QPS = -1
	mgr, err := ctrl.NewManager(own, ctrl.Options{
		Scheme:  scheme,
		Logger:  logr.FromSlogHandler(slog.NewTextHandler(&operatorLog, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Cache:   controllers.CacheOptions(options),
		Metrics: server.Options{BindAddress: "0"},
	})
	if err != nil {
		return nil, err
	}
	drain, err := controllers.Setup(mgr, options)
	if err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() {
		err := mgr.Start(ctx)
		bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), await.Patience)
		defer cancel()
		if abandoned := drain(bound); abandoned > 0 {
			err = errors.Join(err, fmt.Errorf("%d attempts were abandoned", abandoned))
		}
		done <- err
	}()
	return done, nil
}

// roleCredentials are the credentials of the role that assumeRole returns.
var roleCredentials = aws.Credentials{AccessKeyID: "ASIAROLE", SecretAccessKey: "roleSecretEXAMPLEKEY",
	SessionToken: "roleSessionEXAMPLETOKEN"}

// malformedKey contains a space.
const malformedKey = "malformed EXAMPLEKEY"

// assumeRole stands in for AWS STS, for one role that requires an external ID.
func assumeRole(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("RoleArn") != "arn:aws:iam::123456789012:role/logout" || r.FormValue("ExternalId") != "acme" {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`)
		return
	}
	fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey>
<SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
		roleCredentials.AccessKeyID, roleCredentials.SecretAccessKey, roleCredentials.SessionToken,
		time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}

var number atomic.Int64

// unique returns a name that no other test uses.
func unique(t *testing.T) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(t.Name()))
	return strings.Trim(fmt.Sprintf("%.40s-%d", name, number.Add(1)), "-")
}

// tenant is a namespace with a provider of its own, so that tests can run in parallel.
type tenant struct {
	*testing.T
	namespace string
	provider  string
	secret    string
}

// newTenant creates a namespace, a Secret, and a provider that allows the namespace.
func newTenant(t *testing.T, edits ...func(*v1alpha1.ClusterLogoutProvider)) *tenant {
	t.Helper()
	t.Parallel()
	name := unique(t)
	tt := &tenant{T: t, namespace: name, provider: name, secret: name}
	tt.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name,
		Labels: map[string]string{"allowed": "true"}}})
	tt.createSecret(credentials)
	tt.createProvider(edits...)
	return tt
}

func (t *tenant) createSecret(c aws.Credentials) {
	t.Helper()
	t.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: t.secret},
		StringData: secretData(c)})
}

func secretData(c aws.Credentials) map[string]string {
	return map[string]string{"AWS_ACCESS_KEY_ID": c.AccessKeyID, "AWS_SECRET_ACCESS_KEY": c.SecretAccessKey}
}

func (t *tenant) createProvider(edits ...func(*v1alpha1.ClusterLogoutProvider)) *v1alpha1.ClusterLogoutProvider {
	t.Helper()
	p := &v1alpha1.ClusterLogoutProvider{
		ObjectMeta: metav1.ObjectMeta{Name: t.provider},
		Spec: v1alpha1.ClusterLogoutProviderSpec{
			Type: v1alpha1.AmazonChimeProviderType,
			AmazonChime: &v1alpha1.AmazonChimeProvider{
				Endpoint:    service.URL,
				Credentials: &v1alpha1.Credentials{SecretRef: v1alpha1.SecretReference{Name: t.secret}}},
			AccountIDs: []string{account},
			AllowedNamespaces: v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromSelector,
				Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"allowed": "true"}}},
			RateLimit: v1alpha1.RateLimit{RequestsPerSecond: 10000, Burst: 10000},
		},
	}
	for _, edit := range edits {
		edit(p)
	}
	t.create(p)
	return p
}

// logout creates a UserLogout for a new user who is signed in on three devices.
func (t *tenant) logout(edits ...func(*v1alpha1.UserLogout)) *v1alpha1.UserLogout {
	t.Helper()
	obj := t.newLogout(edits...)
	service.SignIn(obj.Spec.AccountID, obj.Spec.UserID, "laptop", "phone", "tablet")
	t.create(obj)
	return obj
}

func (t *tenant) newLogout(edits ...func(*v1alpha1.UserLogout)) *v1alpha1.UserLogout {
	name := unique(t.T)
	obj := &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace, Name: name},
		Spec: v1alpha1.UserLogoutSpec{AccountID: account, UserID: name,
			ProviderRef: v1alpha1.ProviderReference{Name: t.provider}},
	}
	for _, edit := range edits {
		edit(obj)
	}
	return obj
}

func (t *tenant) create(obj client.Object) {
	t.Helper()
	if err := cluster.Create(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
}

// patch changes an object as kubectl edit would.
func patch[T client.Object](t *tenant, obj T, change func(T)) {
	t.Helper()
	before := obj.DeepCopyObject().(client.Object)
	change(obj)
	if err := cluster.Patch(t.Context(), obj, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}

func awaitReason(t *tenant, obj *v1alpha1.UserLogout, reason string) *v1alpha1.UserLogout {
	t.Helper()
	return await.Object(t, cluster, obj, reason, func(o *v1alpha1.UserLogout) bool {
		return readyReason(o.Status.Conditions) == reason
	})
}

func awaitProvider(t *tenant, reason string) *v1alpha1.ClusterLogoutProvider {
	t.Helper()
	return awaitProviderStatus(t, reason,
		func(s v1alpha1.ClusterLogoutProviderStatus) bool { return readyReason(s.Conditions) == reason })
}

// awaitProviderStatus watches the tenant's provider until its status is that of its generation and satisfies a
// condition.
func awaitProviderStatus(
	t *tenant, what string, ok func(v1alpha1.ClusterLogoutProviderStatus) bool,
) *v1alpha1.ClusterLogoutProvider {
	t.Helper()
	obj := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: t.provider}}
	return await.Object(t, cluster, obj, what, func(p *v1alpha1.ClusterLogoutProvider) bool {
		return p.Status.ObservedGeneration == p.Generation && ok(p.Status)
	})
}

func readyReason(conditions []metav1.Condition) string {
	if c := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady); c != nil {
		return c.Reason
	}
	return ""
}

// calls is how many calls the service got for an object's user.
func calls(obj *v1alpha1.UserLogout) int { return service.Calls(obj.Spec.AccountID, obj.Spec.UserID) }

func wantCalls(t *tenant, obj *v1alpha1.UserLogout, want int) {
	t.Helper()
	if got := calls(obj); got != want {
		t.Errorf("%s: %d calls, want %d", obj.Name, got, want)
	}
}

func throttled(times int) chimetest.Answer {
	return chimetest.Answer{Code: "ThrottledClientException", Status: http.StatusTooManyRequests, Message: "slow down",
		Times: times}
}
