package operatortest_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/logout-operator/logout-operator/test/harness/operatortest"
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
	start := cpu(t)
	before, err := operatortest.UsageOf(os.Getpid())
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("no /proc here")
	}
	if err != nil {
		t.Fatal(err)
	}
	hoard := bytes.Repeat([]byte("x"), 64<<20)
	began := cpu(t)
	for cpu(t)-began < 100*time.Millisecond {
		_ = bytes.Count(hoard, []byte("x"))
	}
	after, err := operatortest.UsageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	const rounding = 40 * time.Millisecond // of both times to whole ticks, in user and in kernel mode
	if used, most := after.CPU-before.CPU, cpu(t)-start; used < 100*time.Millisecond-rounding || used > most+rounding {
		t.Errorf("%s of CPU, want 100 ms to %s", used, most)
	}
	// A higher peak before means that an earlier round had it.
	if grown := after.PeakRSS - before.PeakRSS; before.PeakRSS < int64(len(hoard)) && grown < 32<<20 {
		t.Errorf("64 MiB more raised the peak by %d bytes", grown)
	}
	if after.RSS < int64(len(hoard)) || after.PeakRSS < after.RSS {
		t.Errorf("64 MiB are held, but of %d bytes, %d at most", after.RSS, after.PeakRSS)
	}
	runtime.KeepAlive(hoard)
}

// cpu is the CPU time of this process so far, as the kernel reports it to the process itself.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
