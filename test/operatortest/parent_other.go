//go:build !linux

package operatortest

import "syscall"

// dieWithParent does so on Linux only. Ctrl-C at the terminal is for the parent alone.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// awaitStopped does not wait, as there is no way to that is the same everywhere.
func awaitStopped(int) error { return nil }
