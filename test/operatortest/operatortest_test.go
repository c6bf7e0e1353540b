package operatortest_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/logout-operator/logout-operator/test/operatortest"
)

// TestProcess runs an operator that waits for an API server which never answers.
func TestProcess(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "logout-operator")
	if err := operatortest.Build(t.Context(), binary, false); err != nil {
		t.Fatal(err)
	}
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	start := func(log *bytes.Buffer, flags ...string) *operatortest.Process {
		access := &rest.Config{Host: "https://127.0.0.1:1", BearerToken: "none"}
		p, err := operatortest.Start(operatortest.Options{Binary: binary, Access: access, Flags: flags, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Kill)
		return p
	}

	t.Run("what it prints, and how it ends", func(t *testing.T) {
		var log bytes.Buffer
		if code := start(&log, "--workers=0").ExitCode(); code != 2 {
			t.Errorf("exit code %d, want 2", code)
		}
		if !bytes.Contains(log.Bytes(), []byte("--workers must be at least 1")) {
			t.Errorf("it printed %q", &log)
		}
	})
	t.Run("what it takes, until it is killed", func(t *testing.T) {
		p := start(&bytes.Buffer{})
		usage, err := p.Usage()
		if errors.Is(err, os.ErrNotExist) {
			t.Skip("no /proc here")
		}
		if err != nil || usage.Threads == 0 || usage.OpenFiles < 3 || usage.PeakRSS < usage.RSS || usage.RSS == 0 {
			t.Errorf("got %+v, %v", usage, err)
		}
		p.Kill()
		if p.Kill(); p.ExitCode() != -1 {
			t.Errorf("exit code %d, want -1", p.ExitCode())
		}
	})
	t.Run("nothing is left", func(t *testing.T) {
		if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
			t.Errorf("%v, %v", left, err)
		}
	})
}

func TestUsageOf(t *testing.T) {
	before, err := operatortest.UsageOf(os.Getpid())
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("no /proc here")
	}
	if err != nil {
		t.Fatal(err)
	}
	hoard := bytes.Repeat([]byte("x"), 64<<20)
	for started := time.Now(); time.Since(started) < 100*time.Millisecond; {
		_ = bytes.Count(hoard, []byte("x"))
	}
	after, err := operatortest.UsageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if used := after.CPU - before.CPU; used < 10*time.Millisecond || used > 10*time.Second {
		t.Errorf("100 ms at work took %s of CPU", used)
	}
	if grown := after.PeakRSS - before.PeakRSS; grown < 32<<20 {
		t.Errorf("64 MiB more raised the peak by %d bytes", grown)
	}
}
