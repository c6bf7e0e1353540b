package providertest_test

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/logout-operator/logout-operator/test/harness/providertest"
)

func TestMain(m *testing.M) {
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true") // no test asks a cloud for an identity
	flag.Parse()
	_ = flag.Set("test.parallel", "16") // they wait most of the time, on any number of processors
	goleak.VerifyTestMain(m)
}

// TestContract tests every type of provider against the contract.
func TestContract(t *testing.T) { providertest.Run(t) }
