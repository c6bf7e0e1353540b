//go:build !linux

package operatortest

import "syscall"

// dieWithParent works only on Linux. Ctrl-C at the terminal reaches only the parent.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// awaitStopped does not wait, because there is no portable way.
func awaitStopped(int) error { return nil }
