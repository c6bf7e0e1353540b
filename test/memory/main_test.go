// Package memory measures what the operator holds of memory, from its start on, beside what a cluster can hold of
// objects: many that wait, many that are logged out, few that are huge, and huge ones that have finished. The operator
// is a process of its own, a release build with the limit that it has in the manifests, and the objects are there
// before it starts.
//
// By default the sizes are small. The figures that docs/performance.md gives are taken, and their limits asserted, by
//
//	go test ./test/memory -full -timeout 2h -v
package memory

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/await"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/controlplane"
	"github.com/logout-operator/logout-operator/test/figures"
	"github.com/logout-operator/logout-operator/test/operatortest"
)

var (
	full = flag.Bool(
		"full",
		false,
		"measure with as many objects as docs/performance.md tells of, in about an hour",
	)
	operated = flag.String("operator", "", "the operator's executable, to use in place of one that is built")
)

// either is the size of something in the short form and in the full one.
func either[T any](short, inFull T) T {
	if *full {
		return inFull
	}
	return short
}

var (
	plane    *controlplane.ControlPlane
	admin    client.WithWatch
	operator client.Client // writes statuses, which nobody else may
	access   *rest.Config  // of the operator's ServiceAccount
	scraper  string        // a token
	binary   string        // the operator

	service     *chimetest.Server // of the default provider
	credentials = aws.Credentials{AccessKeyID: "AKIDMEMORY", SecretAccessKey: "secret"}
)

func TestMain(m *testing.M) {
	flag.Parse()
	await.Patience = either(2*time.Minute, 40*time.Minute) // also where the machine is busy
	os.Exit(controlplane.Main(suite{m}, controlplane.Options{}, func(cp *controlplane.ControlPlane) { plane = cp }))
}

// suite prepares what all tests share, runs them, and prints what they have measured.
type suite struct{ tests *testing.M }

func (s suite) Run() int {
	dir, err := os.MkdirTemp("", "memory-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	service = chimetest.NewServer(chimetest.Options{Credentials: []aws.Credentials{credentials}})
	defer service.Close()
	if err := prepare(context.Background(), dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := s.tests.Run()
	figures.Print(os.Stdout)
	return code
}

func prepare(ctx context.Context, dir string) error {
	ctrl.SetLogger(logr.Discard()) // of the clients in this process
	if binary = *operated; binary == "" {
		binary = filepath.Join(dir, "logout-operator")
		if err := operatortest.Build(ctx, binary, false); err != nil {
			return err
		}
	}
	if err := operatortest.Install(ctx, plane); err != nil {
		return err
	}
	if err := plane.Apply(ctx, operatortest.Manifests(
		operatortest.Tenant(
			tenant,
			true,
		),
		operatortest.Tenant(stranger, false),
		operatortest.Secret("credentials", credentials),
		slowProvider(),
		operatortest.Scraper(operatortest.Namespace, "scraper"),
	)); err != nil {
		return err
	}
	reader, err := plane.ServiceAccountConfig(ctx, operatortest.Namespace, "scraper")
	if err != nil {
		return err
	}
	scraper = reader.BearerToken
	if access, err = plane.ServiceAccountConfig(ctx, operatortest.Namespace, operatortest.Account); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	if admin, err = client.NewWithWatch(plane.Config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	as := rest.CopyConfig(plane.Config)
	as.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + operatortest.Namespace + ":" + operatortest.Account,
		Groups:   []string{"system:masters"},
	}
	if operator, err = client.New(as, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	return letHugeIn(ctx)
}

// slowProvider is the default provider with one call a second, so that what waits keeps waiting.
func slowProvider() string { return operatortest.DefaultProvider(service.URL, 1, 1) }

// letHugeIn removes the policy that bounds the size of metadata: the operator has to bear what gets past it, or was
// there before it.
func letHugeIn(ctx context.Context) error {
	binding := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "logout-operator-metadata"}}
	binding.SetGroupVersionKind(admissionv1.SchemeGroupVersion.WithKind("ValidatingAdmissionPolicyBinding"))
	if err := admin.Delete(ctx, binding); client.IgnoreNotFound(err) != nil {
		return err
	}
	let := func(ctx context.Context) (bool, error) {
		err := admin.Create(ctx, huge(0), client.DryRunAll)
		return err == nil, nil
	}
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, await.Patience, true, let) // a moment later
}
