package memory

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/logout-operator/logout-operator/test/harness/figures"
)

// hierarchy is the mount at which the kernel limits memory, and the names of its files: cgroup v1 or v2.
type hierarchy struct{ mount, limit, failures, peak string }

var hierarchies = []hierarchy{
	{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.failcnt", "memory.max_usage_in_bytes"},
	{"/sys/fs/cgroup", "memory.max", "memory.events", "memory.peak"},
}

// cgroup makes the kernel limit the memory of an operator as in its container. The kernel kills a process that needs
// more.
type cgroup struct {
	hierarchy
	dir string
}

// newCgroup creates a cgroup that is removed when the test is over; nil if this process may not create one.
func newCgroup(t *testing.T) *cgroup {
	t.Helper()
	for _, h := range hierarchies {
		dir, err := os.MkdirTemp(h.mount, "logout-operator-")
		if err != nil {
			t.Logf("no cgroup: %v", err)
			continue
		}
		t.Cleanup(func() { removeEmpty(t, dir) })
		limit, err := os.OpenFile(filepath.Join(dir, h.limit), os.O_WRONLY, 0) // does not create it
		if err == nil {
			_, err = fmt.Fprint(limit, container)
			_ = limit.Close()
		}
		if err == nil {
			return &cgroup{h, dir}
		}
		t.Logf("no cgroup: %v", err)
	}
	return nil
}

// removeEmpty removes a cgroup. A process leaves its cgroup a moment after its end.
func removeEmpty(t *testing.T, dir string) {
	t.Helper()
	removed := func(context.Context) (bool, error) { return os.Remove(dir) == nil, nil }
	if err := wait.PollUntilContextTimeout(context.Background(), 10*time.Millisecond, time.Minute, true,
		removed); err != nil {
		t.Errorf("%s is left: %v", dir, err)
	}
}

// startIn starts an operator in the cgroup, if there is one. The operator detects its limit itself.
func startIn(t *testing.T, c *cgroup, flags ...string) *process {
	t.Helper()
	if c == nil {
		return start(t, flags...)
	}
	program := filepath.Join(t.TempDir(), "contained")
	script := fmt.Sprintf("#!/bin/sh\necho $$ >%q/cgroup.procs && exec %q \"$@\"\n", c.dir, cluster.Binary)
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return startProgram(t, program, flags...)
}

// hold records the kernel's figures of the cgroup, and fails the test if the limit was ever reached.
func (c *cgroup) hold(t *testing.T) {
	t.Helper()
	if c == nil {
		return
	}
	figures.Note(t, "peak of the cgroup in MiB", c.read(t, c.peak)/mib)
	figures.AtMost(t, "times that the cgroup met its limit", c.read(t, c.failures), 0, true)
}

// read returns the number in a file of the cgroup: the only one, or that of the line "max".
func (c *cgroup) read(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		number := strings.TrimPrefix(strings.TrimSpace(line), "max ")
		if n, err := strconv.Atoi(number); err == nil {
			return n
		}
	}
	t.Fatalf("%s is %q", file, text)
	return 0
}
