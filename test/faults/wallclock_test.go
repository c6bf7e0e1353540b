package faults

import (
	bytesof "encoding/binary"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// offsetVariable names the file from which an operator with its own wall clock reads how many seconds that clock is
// ahead.
const offsetVariable = "FAULTS_WALL_OFFSET"

// The test adds this to the operator's program. It maps the file, so that a change of the file changes the clock.
const offsetReader = `package main

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

func init() {
	file, err := os.Open(os.Getenv("` + offsetVariable + `"))
	if err != nil {
		panic(err)
	}
	ahead, err := syscall.Mmap(int(file.Fd()), 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	time.WallOffset = (*int64)(unsafe.Pointer(&ahead[0]))
}
`

// buildWithWallClock builds an operator whose wall clock can be set. The monotonic clock is unchanged, as when NTP or
// an administrator sets the clock.
func buildWithWallClock(t *testing.T) (program string) {
	t.Helper()
	o := newOverlay(t)
	o.change(t, filepath.Join(goRoot(t), "src", "time", "time.go"),
		"\tsec, nsec, mono := runtimeNow()\n",
		"\tsec, nsec, mono := runtimeNow()\n\tif WallOffset != nil {\n\t\tsec += *WallOffset\n\t}\n",
		"//go:linkname Now\n",
		"// WallOffset is how many seconds the wall clock is ahead.\nvar WallOffset *int64\n\n//go:linkname Now\n")
	o.write(t, filepath.Join(moduleRoot(t), "cmd", "logout-operator", "walloffset.go"), offsetReader)
	began := time.Now()
	program = o.build(t, "-race=false")
	t.Logf("built with another package time in %s: all has to be compiled anew the first time",
		time.Since(began).Round(time.Second))
	return program
}

// wallClock is the clock of the operators that the test starts, and of the services that use it.
type wallClock struct {
	file     *os.File
	ahead    atomic.Int64 // in nanoseconds
	services []*endpoint  // that use it
}

func newWallClock(t *testing.T) *wallClock {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "offset"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	t.Setenv(offsetVariable, file.Name())
	c := &wallClock{file: file}
	c.set(t, 0)
	return c
}

// set moves the clock at once, so that it is ahead of the real time by this much.
func (c *wallClock) set(t *testing.T, ahead time.Duration) {
	t.Helper()
	var bytes [8]byte
	bytesof.NativeEndian.PutUint64(bytes[:], uint64(int64(ahead/time.Second)))
	if _, err := c.file.WriteAt(bytes[:], 0); err != nil {
		t.Fatal(err)
	}
	c.ahead.Store(int64(ahead))
}

// now is the time by this clock.
func (c *wallClock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }
