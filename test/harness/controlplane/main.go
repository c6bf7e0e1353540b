package controlplane

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Main runs the tests of a package with one control plane for all of them, and returns the exit status for TestMain:
//
//	var plane *controlplane.ControlPlane
//
//	func TestMain(m *testing.M) {
//		os.Exit(controlplane.Main(m, controlplane.Options{}, func(cp *controlplane.ControlPlane) { plane = cp }))
//	}
//
// Main stops the control plane after the last test and on SIGINT and SIGTERM. Only a panic, such as that of go test's
// -timeout, leaves its two processes behind.
func Main(tests interface{ Run() int }, opts Options, started func(*ControlPlane)) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cp, err := Start(ctx, opts)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	started(cp)
	status := make(chan int, 1)
	go func() { status <- tests.Run() }()
	code := 1
	select {
	case code = <-status:
	case <-ctx.Done():
		fmt.Fprintln(os.Stderr, "interrupted: stopping the control plane")
	}
	if err := cp.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
