package soak

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

var (
	length = flag.Duration("for", 10*time.Second,
		"how long to run, without the start and until all has finished; from 5m on, growth is asserted")
	seed = flag.Uint64("seed", 0, "seed of what comes by chance; 0 for one by chance")
	out  = flag.String("out", "", "a file to write the record to")
)

const (
	tenant  = "soak"    // the namespace of all UserLogouts
	account = "account" // the account of all users
)

var (
	cluster *suite.Cluster
	service *chimetest.Server
	// raceBinary is the operator with the race detector, for the phases without memory measurements.
	raceBinary string
)

func TestMain(m *testing.M) {
	suite.Suite{Prepare: func(ctx context.Context, c *suite.Cluster) error {
		cluster, raceBinary = c, filepath.Join(c.Dir, "logout-operator-race")
		await.Patience = 5 * time.Minute // for a machine with other work
		return errors.Join(operatortest.Build(ctx, raceBinary, true),
			c.Apply(ctx, []byte(operatortest.Tenant(tenant, true))))
	}}.Main(m)
}

// newService gives the provider its own service, and deletes its objects at the end of the test, so that each run
// begins in the same state.
func newService(t *testing.T) {
	t.Helper()
	service = chimetest.NewServer(chimetest.Options{Credentials: []aws.Credentials{keyOf(0)}})
	t.Cleanup(service.Close)
	found := operatortest.Manifests(operatortest.Secret("credentials", keyOf(0)),
		operatortest.DefaultProvider(service.URL, 100, 20))
	if err := cluster.Apply(t.Context(), found); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), await.Patience)
		defer cancel()
		// A request to delete thousands may time out.
		for cluster.Admin.DeleteAllOf(ctx, &v1alpha1.UserLogout{}, client.InNamespace(tenant)) != nil {
			if ctx.Err() != nil {
				t.Error("the objects could not be deleted")
				return
			}
		}
	})
}

// keyOf is the n-th key that the service accepts.
func keyOf(n int) aws.Credentials {
	return aws.Credentials{AccessKeyID: fmt.Sprintf("AKIDSOAK%d", n), SecretAccessKey: fmt.Sprintf("secret-%d", n)}
}
