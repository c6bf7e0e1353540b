package keycloak

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

var (
	cluster  *suite.Cluster
	keycloak *server // for all tests
	operator struct {
		*operatortest.Process
		log operatortest.Log
	}
)

func TestMain(m *testing.M) {
	home := os.Getenv("KEYCLOAK_HOME")
	if home == "" {
		fmt.Println("no tests without KEYCLOAK_HOME: run make keycloak")
		os.Exit(0)
	}
	await.Patience = 10 * time.Minute // a missing role is looked for again after half a minute, or after several
	suite.Suite{
		Prepare: func(ctx context.Context, c *suite.Cluster) error {
			cluster = c
			return prepare(ctx, home)
		},
		Finish: finish,
	}.Main(m)
}

func prepare(ctx context.Context, home string) (err error) {
	if keycloak, err = newServer(home, cluster.Dir); err != nil {
		return err
	}
	if err := keycloak.start(ctx); err != nil {
		return errors.Join(err, keycloak.stop())
	}
	operator.Process, err = operatortest.Start(operatortest.Options{
		Binary: cluster.Binary, Access: cluster.Access, Log: &operator.log})
	if err != nil {
		return errors.Join(err, keycloak.stop())
	}
	return nil
}

func finish() error {
	operator.Kill()
	return keycloak.stop()
}
