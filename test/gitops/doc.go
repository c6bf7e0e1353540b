// Package gitops checks that GitOps tools judge the operator's objects as docs/gitops.md says. Real events at a real
// API server, a real operator and the fake service bring UserLogouts and ClusterLogoutProviders into every state, and
// the tools' own code judges them: Argo CD's Lua, Flux's kstatus and expressions, kubectl wait. The tests keep the
// objects in testdata, so that you can read them, and judge them without a cluster (package verdict):
//
//	go test . -run TestEveryState -update
//
// It is a module of its own, so that the tools' dependencies do not change the versions that the operator is built
// with.
package gitops
