package app_test

import (
	"math"
	"os"
	"runtime/debug"
	"testing"

	"github.com/go-logr/logr/testr"

	"github.com/logout-operator/logout-operator/cmd/logout-operator/app"
)

// TestLimitMemory checks that there is a limit wherever the process has one, and that values from the environment are
// not changed.
func TestLimitMemory(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
	t.Setenv("GOGC", "") // t.Setenv restores it after the test
	if err := os.Unsetenv("GOGC"); err != nil {
		t.Fatal(err)
	}
	app.LimitMemory(testr.New(t))
	if got := debug.SetGCPercent(100); got >= 100 || got < 10 {
		t.Errorf("GOGC is %d", got)
	}

	debug.SetMemoryLimit(123 << 20) // as the runtime does for GOMEMLIMIT
	t.Setenv("GOMEMLIMIT", "123MiB")
	t.Setenv("GOGC", "70")
	app.LimitMemory(testr.New(t))
	if got := debug.SetMemoryLimit(-1); got != 123<<20 {
		t.Errorf("GOMEMLIMIT of the environment has become %d", got)
	}
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("GOGC of the environment has become %d", got)
	}
}
