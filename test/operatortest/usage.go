package operatortest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// clockTick is the unit of times in /proc/PID/stat, on every architecture that Go runs on.
const clockTick = time.Second / 100

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
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return Usage{}, err
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return Usage{}, err
	}
	files, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		return Usage{}, err
	}
	u := Usage{OpenFiles: len(files)}
	if u.CPU, err = cpuTime(stat); err != nil {
		return Usage{}, err
	}
	var memory, peak, threads int64
	for field, value := range map[string]*int64{"VmRSS:": &memory, "VmHWM:": &peak, "Threads:": &threads} {
		if *value, err = statusField(status, field); err != nil {
			return Usage{}, err
		}
	}
	u.RSS, u.PeakRSS, u.Threads = memory*1024, peak*1024, int(threads)
	return u, nil
}

// cpuTime returns fields 14 and 15 of /proc/PID/stat, utime and stime. The second is the name of the program and may
// hold anything, so the fields are counted from its end.
func cpuTime(stat []byte) (time.Duration, error) {
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // from the third on
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/PID/stat is %q", stat)
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/PID/stat: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}

// statusField returns a number of /proc/PID/status. A process that has ended but not been waited for has no memory any
// more.
func statusField(status []byte, field string) (int64, error) {
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, field); found {
			return strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	return 0, fmt.Errorf("/proc/PID/status has no %s", field)
}
