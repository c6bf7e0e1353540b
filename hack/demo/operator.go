package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// operatorNamespace and operatorAccount are those of config/.
	operatorNamespace = "logout-operator-system"
	operatorAccount   = "logout-operator"

	// stopGrace is what config/manager gives the operator to end in.
	stopGrace = 30 * time.Second
	// tailLines is how much of the operator's log a failure shows.
	tailLines = 20
)

// operator is the operator as a process of its own.
type operator struct {
	cmd      *exec.Cmd
	log      string // the file with what it prints
	stopping atomic.Bool
	exited   chan struct{} // closed when it has ended
}

// program is the operator's executable.
func (s *stage) program() string { return filepath.Join(s.dir, "logout-operator") }

// startOperator starts it with no more than the permissions of its ServiceAccount. abort is called if it ends by itself.
func (s *stage) startOperator(ctx context.Context, abort context.CancelCauseFunc) (*operator, error) {
	access, err := s.plane.ServiceAccountKubeconfig(ctx, operatorNamespace, operatorAccount)
	if err != nil {
		return nil, err
	}
	kubeconfig := filepath.Join(s.dir, "operator.kubeconfig")
	if err := os.WriteFile(kubeconfig, access, 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(s.dir, "operator.log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has its own descriptor

	// Not bound to ctx, which would kill it: stop lets it store the outcomes of its calls.
	cmd := exec.Command(s.program(), "--kubeconfig="+kubeconfig, "--metrics-bind-address=0", "--health-probe-bind-address=0")
	cmd.Env = append(os.Environ(), "AWS_EC2_METADATA_DISABLED=true")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C at the terminal is for this program alone
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	o := &operator{cmd: cmd, log: log.Name(), exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // its state tells all
		if !o.stopping.Load() {
			abort(o.ended("by itself"))
		}
		close(o.exited)
	}()
	return o, nil
}

// stop ends the operator as Kubernetes does. The first call returns an error unless the operator was running until now and
// then ended in time with exit status 0; those after it do nothing.
func (o *operator) stop() error {
	if o.stopping.Swap(true) {
		return nil
	}
	if err := o.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		<-o.exited
		return o.ended("by itself")
	}
	select {
	case <-o.exited:
	case <-time.After(stopGrace):
		_ = o.cmd.Process.Kill()
		<-o.exited
		return o.ended(fmt.Sprintf("by SIGKILL, %s after SIGTERM", stopGrace))
	}
	if !o.cmd.ProcessState.Success() {
		return o.ended("after SIGTERM")
	}
	return nil
}

// ended says how the operator ended.
func (o *operator) ended(how string) error {
	return fmt.Errorf("the operator ended %s: %s", how, o.cmd.ProcessState)
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
