// Package docs checks the documentation: links have existing targets, commands and tests that pages name exist, pages
// list the real flags and permissions, and the API server accepts the manifests on the pages.
package docs

import (
	"os"
	"testing"

	"github.com/logout-operator/logout-operator/test/harness/controlplane"
)

// root is the folder of the project, relative to this one.
const root = "../.."

var plane *controlplane.ControlPlane

func TestMain(m *testing.M) {
	os.Exit(controlplane.Main(m, controlplane.Options{}, func(cp *controlplane.ControlPlane) { plane = cp }))
}
