package controlplane_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/discovery"

	"github.com/logout-operator/logout-operator/test/harness/controlplane"
)

func TestStopLeavesNothing(t *testing.T) {
	tmp := temporaryDirectory(t)
	cp, err := controlplane.Start(t.Context(), controlplane.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := cp.Stop(); err != nil {
			t.Error(err)
		}
	}
	if _, err := discovery.NewDiscoveryClientForConfigOrDie(cp.Config).ServerVersion(); err == nil {
		t.Error("the API server still answers")
	}
	expectEmpty(t, tmp)
}

func TestStartThatFailsLeavesNothing(t *testing.T) {
	tmp := temporaryDirectory(t)
	broken := t.TempDir()
	script := []byte("#!/bin/sh\necho no space left >&2\nexit 1\n")
	for _, program := range []string{"etcd", "kube-apiserver"} {
		if err := os.WriteFile(filepath.Join(broken, program), script, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("KUBEBUILDER_ASSETS", broken)
	_, err := controlplane.Start(t.Context(), controlplane.Options{})
	if err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("got %v, want an error with what etcd printed", err)
	}
	expectEmpty(t, tmp)
}

func TestStartThatIsCancelledLeavesNothing(t *testing.T) {
	tmp := temporaryDirectory(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := controlplane.Start(ctx, controlplane.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	expectEmpty(t, tmp)
}

// asHelper makes the test binary a process whose only test never ends.
const asHelper = "CONTROLPLANE_TEST_HELPER"

type endless struct{}

func (endless) Run() int {
	fmt.Println("running")
	select {}
}

func TestMainThatIsInterruptedLeavesNothing(t *testing.T) {
	tmp := temporaryDirectory(t)
	helper := exec.CommandContext(t.Context(), os.Args[0])
	helper.Env = append(os.Environ(), asHelper+"=1")
	helper.Stderr = os.Stderr
	stdout, err := helper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	if !bufio.NewScanner(stdout).Scan() {
		t.Error("the helper did not come up")
	}
	if err := helper.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	_ = helper.Wait() // the test checks the status below
	if code := helper.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit status %d, want 1", code)
	}
	expectEmpty(t, tmp)
}

// temporaryDirectory returns the directory in which this process and its children create temporary files from now on.
func temporaryDirectory(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	return dir
}

func expectEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s was left behind", e.Name())
	}
}
