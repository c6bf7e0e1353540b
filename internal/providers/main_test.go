package providers

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true") // no test requests an identity from a cloud
	goleak.VerifyTestMain(m)
}
