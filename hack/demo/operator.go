package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

const (
	// stopGrace is the termination grace period in config/manager.
	stopGrace = 30 * time.Second
	// tailLines is how many lines of the operator's log a failure shows.
	tailLines = 20
)

// operator is an operator process.
type operator struct {
	*operatortest.Process
	log      string // the file with its output
	stopping atomic.Bool
}

// program is the operator's executable.
func (s *stage) program() string { return filepath.Join(s.dir, "logout-operator") }

// startOperator starts the operator with only the permissions of its ServiceAccount. It calls abort if the operator
// exits unexpectedly.
func (s *stage) startOperator(ctx context.Context, abort context.CancelCauseFunc) (*operator, error) {
	access, err := s.plane.ServiceAccountConfig(ctx, operatortest.Namespace, operatortest.Account)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(s.dir, "operator.log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has its own descriptor
	p, err := operatortest.Start(operatortest.Options{Binary: s.program(), Access: access, Log: log})
	if err != nil {
		return nil, err
	}
	o := &operator{Process: p, log: log.Name()}
	go func() {
		<-p.Exited()
		if !o.stopping.Load() {
			abort(o.ended("by itself"))
		}
	}()
	return o, nil
}

// stop ends the operator as Kubernetes does. The first call returns an error unless the operator was still running and
// then ended in time with exit status 0; later calls do nothing.
func (o *operator) stop() error {
	if o.stopping.Swap(true) {
		return nil
	}
	if o.Terminate() != nil {
		return o.ended("by itself")
	}
	select {
	case <-o.Exited():
	case <-time.After(stopGrace):
		o.Kill()
		return o.ended(fmt.Sprintf("by SIGKILL, %s after SIGTERM", stopGrace))
	}
	if o.ExitCode() != 0 {
		return o.ended("after SIGTERM")
	}
	return nil
}

// ended describes how the operator ended.
func (o *operator) ended(how string) error {
	return fmt.Errorf("the operator ended %s, with exit code %d", how, o.ExitCode())
}

// tail returns the last lines of the log.
func (o *operator) tail() string {
	content, err := os.ReadFile(o.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(string(bytes.TrimSpace(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
