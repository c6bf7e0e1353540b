package providertest_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/logout-operator/logout-operator/test/providertest"
)

func TestMain(m *testing.M) {
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true") // no test asks a cloud for an identity
	goleak.VerifyTestMain(m)
}

// TestContract holds every type of provider to the contract.
func TestContract(t *testing.T) { providertest.Run(t) }
