// Demo shows the operator at work on loopback, from nothing: a control plane, a fake LogoutUser service and the
// operator as a process under its own ServiceAccount. It logs out the user of config/samples and checks the result;
// with --keep it leaves the logout to you.
//
// It takes everything down again however it ends, unless it is killed by SIGKILL. A signal that is sent to "go run"
// alone does not reach it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

const usage = `demo logs out the user of config/samples on a control plane of its own, and checks that it happened.

Flags:
`

// usageError is an invalid command line.
type usageError struct{ error }

func main() {
	// A reader that exits early, as in make demo | head, must not end the program before it has cleaned up.
	signal.Ignore(syscall.SIGPIPE)
	// A terminal sends all of these: Ctrl-C, a closed window, a kill from another terminal.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGHUP, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	status := exitStatus(ctx, err, os.Stderr)
	stop()
	os.Exit(status)
}

// exitStatus reports err, if any. The status is 130 after an interrupt, as in a shell, 2 for an invalid command line,
// and 1 for any other failure.
func exitStatus(ctx context.Context, err error, stderr io.Writer) int {
	var wrong usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &wrong):
		_, _ = fmt.Fprintf(stderr, "demo: %v (-h for help)\n", err)
		return 2
	}
	_, _ = fmt.Fprintf(stderr, "demo: %v\n", err)
	if ctx.Err() != nil {
		return 130
	}
	return 1
}

func run(ctx context.Context, args []string, stdout io.Writer) (err error) {
	keep, err := parse(args, stdout)
	if err != nil {
		return err
	}
	ctrl.SetLogger(logr.Discard()) // or controller-runtime prints a warning in the middle of the output
	s := &stage{steps: newSteps(stdout)}
	defer func() { err = errors.Join(err, s.close()) }()

	// The context ends with the signal, or when the operator exits unexpectedly: then nothing else can succeed.
	playing, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	err = s.play(playing, abort, keep)
	if err != nil && playing.Err() != nil {
		err = context.Cause(playing) // err is only a consequence of this
	}
	if err != nil && ctx.Err() == nil && s.operator != nil {
		s.show("The operator's log ends with", s.operator.tail())
	}
	return err
}

// parse returns whether --keep is given. For -h it prints the help and returns flag.ErrHelp; every other error is a
// usageError.
func parse(args []string, stdout io.Writer) (keep bool, err error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main reports an error in one line
	flags.BoolVar(&keep, "keep", false, "log nobody out, and keep everything running until an interrupt")
	err = flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(stdout)
		_, _ = io.WriteString(stdout, usage)
		flags.PrintDefaults()
		return false, err
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		return false, usageError{err}
	}
	return keep, nil
}
