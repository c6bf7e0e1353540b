package operatortest

import "syscall"

// Pause stops the operator's threads where they are, as when a node is out of memory or asleep. On Linux all of them
// have stopped when it returns.
func (p *Process) Pause() error {
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return awaitStopped(p.cmd.Process.Pid)
}

// Resume continues a paused operator.
func (p *Process) Resume() error { return p.cmd.Process.Signal(syscall.SIGCONT) }
