//go:build !linux

package operatortest

import "syscall"

// dieWithParent is for Linux only.
func dieWithParent() *syscall.SysProcAttr { return nil }

// awaitStopped does not wait, as there is no way to that is the same everywhere.
func awaitStopped(int) error { return nil }
