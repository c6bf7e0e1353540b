// Package gotool runs the go command for what builds other programs: the
// control plane for tests, the demo and the fault tests.
package gotool

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Run returns what the go command prints in dir ("" for the current one),
// without the line end; if it fails, its error output is in the error. It is
// interrupted, not killed, when ctx is done, so that it can end its compilers and
// remove its temporary files.
func Run(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off") // this project's modules are in nobody's workspace
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}

// ModuleRoot returns the folder of this project's main module. It asks the go
// command, because a program built with -trimpath does not know where its source
// is.
func ModuleRoot(ctx context.Context) (string, error) {
	return Run(ctx, "", "list", "-m", "-f", "{{.Dir}}", "github.com/logout-operator/logout-operator")
}
