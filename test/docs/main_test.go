// Package docs holds the documentation to what it is about: links lead somewhere, commands and tests that pages name exist,
// flags and permissions are told as they are, and the API server takes the manifests that pages show.
package docs

import (
	"os"
	"testing"

	"github.com/logout-operator/logout-operator/test/controlplane"
)

// root is the folder of the project, from here.
const root = "../.."

var plane *controlplane.ControlPlane

func TestMain(m *testing.M) {
	os.Exit(controlplane.Main(m, controlplane.Options{}, func(cp *controlplane.ControlPlane) { plane = cp }))
}
