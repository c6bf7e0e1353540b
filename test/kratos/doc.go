// Package kratos has a real Ory Kratos log users out: its sessions, its tokens and its answers, beside a real API server
// and the operator as a process. The Kratos is the one that hack/kratos pins.
//
//	make kratos
//
// It is a module of its own, so that the tests of the operator need no Kratos: compiling it takes minutes the first time.
package kratos
