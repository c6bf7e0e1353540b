// Command render prints the objects of a kustomization, as kubectl kustomize does.
//
//	go run ./hack/render config/default >install.yaml
package main

import (
	"fmt"
	"os"

	"github.com/logout-operator/logout-operator/test/harness/controlplane"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: render DIRECTORY")
		os.Exit(2)
	}
	rendered, err := controlplane.Kustomize(os.Args[1])
	if err == nil {
		_, err = os.Stdout.Write(rendered)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}
