package operatortest

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

// Usage is the resource usage of a process.
type Usage struct {
	// CPU time so far, of all its threads, in user and in kernel mode.
	CPU time.Duration
	// RSS and PeakRSS are the memory that it holds and the most that it has held so far, in bytes.
	RSS, PeakRSS int64
	// Threads and OpenFiles are counts. Connections are open files, too.
	Threads, OpenFiles int
}

// Usage returns the operator's current usage. It works only on Linux, and while the operator runs.
func (p *Process) Usage() (Usage, error) { return UsageOf(p.cmd.Process.Pid) }

// UsageIn is Usage for a test, which it skips on other systems.
func (p *Process) UsageIn(t testing.TB) Usage {
	t.Helper()
	u, err := p.Usage()
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("no /proc here")
	}
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// UsageOf returns the usage of any process of the same user.
func UsageOf(pid int) (Usage, error) {
	process, err := procfs.NewProc(pid)
	if err != nil {
		return Usage{}, err
	}
	stat, err := process.Stat()
	if err != nil {
		return Usage{}, err
	}
	status, err := process.NewStatus()
	if err != nil {
		return Usage{}, err
	}
	files, err := process.FileDescriptorsLen()
	if err != nil {
		return Usage{}, err
	}
	if status.VmRSS == 0 {
		return Usage{}, fmt.Errorf("process %d has ended", pid)
	}
	return Usage{
		CPU: time.Duration(stat.CPUTime() * float64(time.Second)),
		RSS: int64(status.VmRSS), PeakRSS: int64(status.VmHWM), // #nosec G115 -- far below 2^63
		Threads: stat.NumThreads, OpenFiles: files,
	}, nil
}
