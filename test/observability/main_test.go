// Package observability checks the alert rules, the dashboard and the runbook against the operator: they may name only
// metrics, labels and reasons that an operator process serves or writes, and must name all of them.
package observability

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/gotool"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

var (
	plane  *controlplane.ControlPlane
	root   string  // of this project
	served metrics // by an operator after every event that it counts
)

func TestMain(m *testing.M) { suite.Suite{Prepare: prepare}.Main(m) }

// prepare scrapes an operator once, for all tests.
func prepare(ctx context.Context, c *suite.Cluster) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	plane = c.ControlPlane
	var err error
	if root, err = gotool.ModuleRoot(ctx); err != nil {
		return err
	}
	stage, err := newStage(ctx, c)
	if err != nil {
		return err
	}
	defer stage.close()
	if err := stage.play(ctx); err != nil {
		stage.operator.Kill() // so that all of its output is available
		return fmt.Errorf("%w; the operator printed:\n%s", err, stage.printed.Tail(60_000))
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
