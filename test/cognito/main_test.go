package cognito

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

var (
	plane   *controlplane.ControlPlane
	cluster *suite.Cluster
	python  string // of the virtual environment with moto, boto3 and the AWS CLI
	nodeSDK string // the folder with AWS's SDK for JavaScript; empty if there is none
)

func TestMain(m *testing.M) {
	environment := os.Getenv("MOTO")
	if environment == "" {
		fmt.Fprintln(os.Stderr, "MOTO is not set: run make cognito")
		os.Exit(1)
	}
	python, nodeSDK = filepath.Join(environment, "bin", "python"), os.Getenv("AWS_SDK_JS")
	if err := isolate(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	await.Patience = 5 * time.Minute // a missing permission is retried after half a minute
	suite.Suite{Prepare: func(_ context.Context, c *suite.Cluster) error {
		plane, cluster = c.ControlPlane, c
		return nil
	}}.Main(m)
}

// isolate makes sure that nothing of whoever runs the tests names an identity or another server.
func isolate() (err error) {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); name != "AWS_SDK_JS" && strings.HasPrefix(name, "AWS_") {
			err = errors.Join(err, os.Unsetenv(name))
		}
	}
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		err = errors.Join(err, os.Setenv(name, value))
	}
	return err
}
