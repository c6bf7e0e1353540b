// Package gitops holds what GitOps tools make of the operator's objects to what docs/gitops.md says: every state of a
// UserLogout and of a ClusterLogoutProvider is brought about by real events at a real API server, a real operator and the
// fake service, and judged by the tools' own code: Argo CD's Lua, Flux's kstatus and expressions, kubectl wait. The
// objects are kept in testdata, so that they can be read, and judged without a cluster (package verdict):
//
//	go test . -run TestEveryState -update
//
// It is a module of its own, so that what the tools need does not change the versions that the operator is built with.
package gitops
