package operatortest

import "syscall"

// Pause stops the operator's threads where they are, as a node does that is out of memory or asleep.
func (p *Process) Pause() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume has a paused operator go on.
func (p *Process) Resume() error { return p.cmd.Process.Signal(syscall.SIGCONT) }
