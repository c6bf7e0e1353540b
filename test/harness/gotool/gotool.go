// Package gotool runs the go command for code that builds other programs: the control plane for tests, the demo and the
// fault tests.
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

// Run returns the output of the go command in dir ("" for the current one), without the final newline; if the command
// fails, the error contains its error output. When ctx is done, Run interrupts the command instead of killing it, so
// that it can stop its compilers and remove its temporary files.
func Run(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off") // no workspace contains this project's modules
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

// ModuleRoot returns the folder of this project's main module. It asks the go command, because a program built with
// -trimpath does not know where its source is.
func ModuleRoot(ctx context.Context) (string, error) {
	return Run(ctx, "", "list", "-m", "-f", "{{.Dir}}", "github.com/logout-operator/logout-operator")
}
