package app

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-logr/logr/funcr"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/controllers"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// logLines collects the logs of an operator.
type logLines struct {
	await.State
	text []byte
}

func (l *logLines) write(prefix, line string) {
	l.Change(func() { l.text = append(l.text, prefix+line+"\n"...) })
}

func (l *logLines) awaitText(t *testing.T, text string, times int) {
	t.Helper()
	l.Await(t, text, func() bool { return bytes.Count(l.text, []byte(text)) >= times })
}

// TestOlderCRD checks an operator whose CustomResourceDefinition lacks status fields, from the start or later: it says
// so, does nothing, and continues once the definition has been replaced.
func TestOlderCRD(t *testing.T) {
	if err := operatortest.Install(t.Context(), plane); err != nil {
		t.Fatal(err)
	}
	keys := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	service := chimetest.NewServer(chimetest.Options{Credentials: []aws.Credentials{keys}})
	defer service.Close()
	if err := plane.Apply(t.Context(), operatortest.Manifests(operatortest.Tenant("older-crd", true),
		operatortest.Secret("credentials", keys), operatortest.DefaultProvider(service.URL, 1000, 1000))); err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	admin, err := client.NewWithWatch(plane.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	r := &crdRig{T: t, admin: admin, service: service, log: &logLines{}}

	r.makeOlder()
	r.start()
	r.log.awaitText(t, "tooOld", 1)
	if code := r.ready(); code == http.StatusOK {
		t.Error("ready")
	}
	first := r.create("first")
	r.untouched(first)
	r.replace()
	r.loggedOut(first)
	if code := r.ready(); code != http.StatusOK {
		t.Errorf("not ready: %d", code)
	}

	r.makeOlder()
	second := r.create("second")
	r.log.awaitText(t, "tooOld", 3) // too old, replaced, too old again
	r.replace()
	r.loggedOut(second)
}

// crdRig holds an operator and its CustomResourceDefinition.
type crdRig struct {
	*testing.T
	admin   client.WithWatch
	service *chimetest.Server
	log     *logLines
	health  string
}

func (r *crdRig) start() {
	r.Helper()
	access, err := plane.ServiceAccountConfig(r.Context(), operatortest.Namespace, operatortest.Account)
	if err != nil {
		r.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.Fatal(err)
	}
	r.health = free.Addr().String()
	free.Close()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, access, Options{
			Options: controllers.Options{Workers: 10, CallTimeout: 5 * time.Second,
				VisibilityTimeout: 10 * time.Second, Namespace: operatortest.Namespace},
			HealthAddress: r.health, MetricsAddress: "0", Logger: funcr.New(r.log.write, funcr.Options{}),
		})
	}()
	r.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			r.Error(err)
		}
	})
}

func (r *crdRig) ready() int {
	r.Helper()
	answer, err := http.Get("http://" + r.health + "/readyz")
	if err != nil {
		r.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

func (r *crdRig) crd() *unstructured.Unstructured {
	r.Helper()
	crd := &unstructured.Unstructured{}
	crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1",
		Kind: "CustomResourceDefinition"})
	if err := r.admin.Get(r.Context(), client.ObjectKey{Name: "userlogouts.logout-operator.io"}, crd); err != nil {
		r.Fatal(err)
	}
	return crd
}

// makeOlder removes what the first versions of the schema did not have.
func (r *crdRig) makeOlder() {
	r.Helper()
	crd := r.crd()
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	for _, field := range []string{"attempts", "startTime", "lastAttempt", "nextAttemptTime"} {
		unstructured.RemoveNestedField(versions[0].(map[string]any), "schema", "openAPIV3Schema", "properties",
			"status", "properties", field)
	}
	columns := []any{map[string]any{"name": "Account", "type": "string", "jsonPath": ".spec.accountID"}}
	versions[0].(map[string]any)["additionalPrinterColumns"] = columns
	if err := unstructured.SetNestedSlice(crd.Object, versions, "spec", "versions"); err != nil {
		r.Fatal(err)
	}
	if err := r.admin.Update(r.Context(), crd); err != nil {
		r.Fatal(err)
	}
	r.awaitServed()
}

// awaitServed waits until the API server serves the older schema, which takes a moment.
func (r *crdRig) awaitServed() {
	r.Helper()
	c, err := kubernetes.NewForConfig(plane.Config)
	if err != nil {
		r.Fatal(err)
	}
	older := func(ctx context.Context) (bool, error) {
		text, err := c.RESTClient().Get().AbsPath("/openapi/v3/apis/" + v1alpha1.GroupVersion.String()).DoRaw(ctx)
		return err == nil && len(text) > 0 && !bytes.Contains(text, []byte(`"nextAttemptTime"`)), nil
	}
	if err := wait.PollUntilContextTimeout(r.Context(), 100*time.Millisecond, await.Patience, true, older); err != nil {
		r.Fatal(err)
	}
}

// replace applies the definition of this version.
func (r *crdRig) replace() {
	r.Helper()
	if err := operatortest.Install(r.Context(), plane); err != nil {
		r.Fatal(err)
	}
}

func (r *crdRig) create(name string) *v1alpha1.UserLogout {
	r.Helper()
	name += fmt.Sprintf("-%d", time.Now().UnixNano()) // the objects of an earlier run still exist
	obj := &v1alpha1.UserLogout{ObjectMeta: metav1.ObjectMeta{Namespace: "older-crd", Name: name},
		Spec: v1alpha1.UserLogoutSpec{AccountID: "account", UserID: name}}
	r.service.SignIn("account", name, "laptop")
	if err := r.admin.Create(r.Context(), obj); err != nil {
		r.Fatal(err)
	}
	return obj
}

// untouched checks that neither the object nor the provider has got a status.
func (r *crdRig) untouched(obj *v1alpha1.UserLogout) {
	r.Helper()
	now, provider := obj.DeepCopy(), &v1alpha1.ClusterLogoutProvider{}
	if err := r.admin.Get(r.Context(), client.ObjectKeyFromObject(obj), now); err != nil {
		r.Fatal(err)
	}
	if err := r.admin.Get(r.Context(), client.ObjectKey{Name: "default"}, provider); err != nil {
		r.Fatal(err)
	}
	if len(now.Status.Conditions) > 0 || len(provider.Status.Conditions) > 0 ||
		r.service.Calls("account", obj.Name) != 0 {
		r.Errorf("statuses %+v, %+v, %d calls", now.Status, provider.Status, r.service.Calls("account", obj.Name))
	}
}

func (r *crdRig) loggedOut(obj *v1alpha1.UserLogout) {
	r.Helper()
	await.Object(r, r.admin, obj, "finished", func(o *v1alpha1.UserLogout) bool {
		return meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionFinished)
	})
	if n := r.service.Calls("account", obj.Name); n != 1 || len(r.service.Sessions("account", obj.Name)) != 0 {
		r.Errorf("%d calls", n)
	}
}
