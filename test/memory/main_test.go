// Package memory measures the operator's memory, from its start on, with the objects that a cluster can hold: many that
// wait, many that are logged out, few that are huge, and huge ones that have finished. The operator is a process of its
// own, a release build with the memory limit of the manifests, and the objects exist before it starts.
//
// By default the sizes are small. To measure the figures of docs/performance.md, and assert their limits, run
//
//	go test ./test/memory -full -timeout 2h -v
package memory

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

var (
	cluster  *suite.Cluster
	operator client.Client // writes statuses, which nobody else may

	service     *chimetest.Server // of the default provider
	credentials = aws.Credentials{AccessKeyID: "AKIDMEMORY", SecretAccessKey: "secret"}
)

func TestMain(m *testing.M) {
	service = chimetest.NewServer(chimetest.Options{Credentials: []aws.Credentials{credentials}})
	suite.Suite{Prepare: prepare, Finish: func() error {
		service.Close()
		figures.Print(os.Stdout)
		return nil
	}}.Main(m)
}

func prepare(ctx context.Context, c *suite.Cluster) (err error) {
	cluster = c
	await.Patience = suite.Either(2*time.Minute, 40*time.Minute) // also for a busy machine
	if err := c.Apply(ctx, operatortest.Manifests(
		operatortest.Tenant(tenant, true),
		operatortest.Tenant(stranger, false),
		operatortest.Secret("credentials", credentials),
		slowProvider(),
	)); err != nil {
		return err
	}
	as := rest.CopyConfig(c.Config)
	as.Impersonate = rest.ImpersonationConfig{UserName: operatortest.User, Groups: []string{"system:masters"}}
	if operator, err = client.New(as, client.Options{Scheme: c.Admin.Scheme()}); err != nil {
		return err
	}
	return letHugeIn(ctx)
}

// slowProvider is the default provider with one call a second, so that objects keep waiting.
func slowProvider() string { return operatortest.DefaultProvider(service.URL, 1, 1) }

// letHugeIn removes the policy that bounds the size of metadata: the operator must tolerate objects that got past the
// policy, or existed before it.
func letHugeIn(ctx context.Context) error {
	binding := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "logout-operator-metadata"}}
	binding.SetGroupVersionKind(admissionv1.SchemeGroupVersion.WithKind("ValidatingAdmissionPolicyBinding"))
	if err := cluster.Admin.Delete(ctx, binding); client.IgnoreNotFound(err) != nil {
		return err
	}
	let := func(ctx context.Context) (bool, error) {
		err := cluster.Admin.Create(ctx, huge(0), client.DryRunAll)
		return err == nil, nil
	}
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, await.Patience, true, let) // effective a moment later
}
