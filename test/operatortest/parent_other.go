//go:build !linux

package operatortest

import "syscall"

// dieWithParent is for Linux only.
func dieWithParent() *syscall.SysProcAttr { return nil }
