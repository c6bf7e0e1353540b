package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// moduleRoot asks the go command, because a program built with -trimpath does not know where its source is.
func moduleRoot(ctx context.Context) (string, error) {
	return goCommand(ctx, "", "list", "-m", "-f", "{{.Dir}}", "github.com/logout-operator/logout-operator")
}

// goCommand returns what the go command prints in dir, without the line end. It is interrupted, not killed, when ctx is done, so
// that it can end its compilers and remove its temporary files.
func goCommand(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
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
