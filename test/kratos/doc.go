// Package kratos makes a real Ory Kratos log users out: its sessions, its tokens and its answers, together with a real
// API server and the operator as a process. hack/kratos pins the Kratos.
//
//	make kratos
//
// It is a module of its own, so that the tests of the operator need no Kratos: compiling it takes minutes the first
// time.
package kratos
