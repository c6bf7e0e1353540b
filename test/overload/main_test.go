package overload

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

var (
	cluster     *suite.Cluster
	credentials = aws.Credentials{AccessKeyID: "AKIDOVERLOAD", SecretAccessKey: "secret"}
)

func TestMain(m *testing.M) {
	suite.Suite{
		Prepare: func(ctx context.Context, c *suite.Cluster) error {
			cluster = c
			await.Patience = suite.Either(2*time.Minute, 15*time.Minute) // ten thousand objects take minutes
			return c.Apply(ctx, []byte(operatortest.Secret("credentials", credentials)))
		},
		Finish: func() error {
			if suite.Full() {
				figures.Print(os.Stdout)
			}
			return nil
		},
	}.Main(m)
}
