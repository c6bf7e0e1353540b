package operatortest

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

// Usage is what a process takes of the machine.
type Usage struct {
	// CPU time so far, of all its threads, in its own code and in the kernel.
	CPU time.Duration
	// RSS and PeakRSS are the memory it holds and the most it has held so far, in bytes.
	RSS, PeakRSS int64
	// Threads and OpenFiles are how many it has. Connections are open files, too.
	Threads, OpenFiles int
}

// Usage says what the operator takes right now. It is known on Linux only, and as long as the operator runs.
func (p *Process) Usage() (Usage, error) { return UsageOf(p.cmd.Process.Pid) }

// UsageIn is Usage for a test, which is skipped where that is not known.
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

// UsageOf says what any process of the same user takes.
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
