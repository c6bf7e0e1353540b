// Package observability holds what is shown of the operator to what it shows: the alert rules, the dashboard and the
// runbook may name only metrics, labels and reasons that an operator process serves or writes, and all of them.
package observability

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/logout-operator/logout-operator/test/controlplane"
	"github.com/logout-operator/logout-operator/test/gotool"
)

var (
	plane  *controlplane.ControlPlane
	root   string  // of this project
	served metrics // by an operator to which everything has happened that is counted
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard()) // of the clients in this process
	os.Exit(controlplane.Main(suite{m}, controlplane.Options{}, func(cp *controlplane.ControlPlane) { plane = cp }))
}

// suite scrapes an operator once, for all tests.
type suite struct{ tests *testing.M }

func (s suite) Run() int {
	if err := s.prepare(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return s.tests.Run()
}

func (suite) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var err error
	if root, err = gotool.ModuleRoot(ctx); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "observability-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	stage, err := newStage(ctx, filepath.Join(dir, "logout-operator"))
	if err != nil {
		return err
	}
	defer stage.close()
	if err := stage.play(ctx); err != nil {
		stage.operator.Kill() // and all that it printed is there
		return fmt.Errorf("%w; the operator printed:\n%s", err, stage.printed.String())
	}
	served, err = stage.scrape(ctx)
	return err
}

// read returns a file of this project.
func read(t *testing.T, path ...string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return content
}
