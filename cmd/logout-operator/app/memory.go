package app

import (
	"errors"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/go-logr/logr"
)

const (
	// memoryShare is how much of the container's memory Go's runtime may use before it collects garbage as often as
	// needed. The rest is for memory that the runtime does not count: the program itself, and what the kernel keeps for
	// it.
	memoryShare = 0.85
	// gcPercent is how much garbage there may be, in percent of the memory in use. Go's default of 100 takes a fifth
	// more memory with many objects, and 6 % less CPU for a logout (docs/performance.md).
	gcPercent = 50
)

// LimitMemory makes Go's runtime stay within the container's memory limit, if there is one: a few huge objects must
// cost time, not the process. GOMEMLIMIT and GOGC in the environment take precedence over these values.
func LimitMemory(log logr.Logger) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	_, err := memlimit.Set(memlimit.WithRatio(memoryShare))
	if err != nil && !errors.Is(err, memlimit.ErrNoCgroup) && !errors.Is(err, memlimit.ErrCgroupsNotSupported) {
		log.Info(
			"the memory limit of the container is not known: set GOMEMLIMIT to have the operator keep within it",
			"cause",
			err.Error(),
		)
	}
	log.V(1).Info("memory", "limit", debug.SetMemoryLimit(-1))
}
