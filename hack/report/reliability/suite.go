package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/logout-operator/logout-operator/test/harness/figures"
)

// suite is a package of tests, or some tests of one.
type suite struct {
	name, pkg string
	parts     [][]string // the arguments of each part; the parts run at the same time
}

// outcome is the result of a suite.
type outcome struct {
	Date   time.Time
	Took   time.Duration
	passed bool
	tests  map[string]string // pass, fail or skip, by the full name
	kept   []figures.Figure
}

// event is a line of go test -json.
type event struct {
	Time                 time.Time
	Action, Test, Output string
	Elapsed              float64 // seconds
}

func (s suite) events(dir string, part int) string {
	return filepath.Join(dir, fmt.Sprintf("%s-%d.events", s.name, part))
}

func (s suite) kept(dir string) string { return filepath.Join(dir, s.name+".figures") }

// run runs the suite and stores its output and figures in the directory. A failed test is not an error.
func (s suite) run(ctx context.Context, dir string, progress io.Writer) error {
	if err := os.Remove(s.kept(dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	kept, err := filepath.Abs(s.kept(dir)) // tests run in their package's folder
	if err != nil {
		return err
	}
	progress = &inTurn{to: progress}
	parts, ctx := errgroup.WithContext(ctx)
	for i, args := range s.parts {
		args := append([]string{"test", "-json", "-count=1", "-timeout=4h", s.pkg, "-figures=" + kept}, args...)
		parts.Go(func() error { return goTest(ctx, args, s.events(dir, i), progress) })
	}
	return parts.Wait()
}

// inTurn is a writer that several goroutines can share.
type inTurn struct {
	mu sync.Mutex
	to io.Writer
}

func (w *inTurn) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

// goTest runs some tests and stores their events in a file.
func goTest(ctx context.Context, args []string, events string, progress io.Writer) error {
	file, err := os.Create(events)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // missing output is noticed in the report
	fmt.Fprintf(progress, "go %s\n", strings.Join(args, " "))
	command := exec.CommandContext(ctx, "go", args...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) } // or the control plane would stay
	command.Stderr = os.Stderr
	printed, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	follow(io.TeeReader(printed, file), progress)
	err = command.Wait()
	var exit *exec.ExitError
	if ctx.Err() == nil && errors.As(err, &exit) {
		return nil // the events show the failures
	}
	return err
}

// follow prints a line for each scenario that has ended, and the output of those that failed.
func follow(events io.Reader, progress io.Writer) {
	printed := map[string]*strings.Builder{}
	each(events, func(e event) {
		switch e.Action {
		case "output", "build-output":
			if printed[e.Test] == nil {
				printed[e.Test] = &strings.Builder{}
			}
			printed[e.Test].WriteString(e.Output)
			return
		case "pass", "skip":
			if e.Test != "" && strings.Count(e.Test, "/") < 2 {
				fmt.Fprintf(progress, "%s  %s %s (%.1f s)\n", e.Time.Format(time.TimeOnly), e.Action, e.Test, e.Elapsed)
			}
		case "fail", "build-fail":
			text := ""
			if b := printed[e.Test]; b != nil {
				text = b.String()
			}
			fmt.Fprintf(progress, "%s  FAIL %s (%.1f s)\n%s", e.Time.Format(time.TimeOnly), e.Test, e.Elapsed, text)
		default:
			return
		}
		delete(printed, e.Test)
	})
}

// each calls f for every event. It skips other lines, which the compiler prints.
func each(events io.Reader, f func(event)) {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		if json.Unmarshal(line, &e) == nil {
			f(e)
		}
		if err != nil {
			return
		}
	}
}

// read returns the result of the suite's last run.
func (s suite) read(dir string) (o outcome, err error) {
	o.tests, o.passed = map[string]string{}, true
	for part := range s.parts {
		if err := o.add(s.events(dir, part)); err != nil {
			return outcome{}, err
		}
	}
	kept, err := os.Open(s.kept(dir))
	if errors.Is(err, os.ErrNotExist) {
		return o, nil // there are no figures
	}
	if err != nil {
		return o, err
	}
	defer func() { _ = kept.Close() }() // only read from
	o.kept, err = figures.Read(kept)
	return o, err
}

// add adds the result of a part of the suite.
func (o *outcome) add(events string) error {
	file, err := os.Open(events)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read from
	ended, failed := false, false
	each(file, func(e event) {
		if o.Date.IsZero() || e.Time.Before(o.Date) {
			o.Date = e.Time
		}
		switch {
		case e.Action != "pass" && e.Action != "fail" && e.Action != "skip":
		case e.Test != "":
			o.tests[e.Test] = e.Action
		default: // the package
			ended, failed = true, failed || e.Action == "fail"
			o.Took = max(o.Took, e.Time.Sub(o.Date))
		}
	})
	o.passed = o.passed && ended && !failed
	return nil
}
