// Package e2e installs the operator on a real cluster, as users do, and tests it under events of a real cluster: pods
// that are deleted and killed with calls in flight, a rolling upgrade under load, a rotated Secret, tenants and
// scrapers with their own permissions, and the uninstallation.
//
// On Linux, as root, make e2e starts a cluster of one node for the tests (hack/cluster). To use another cluster, one
// without the operator, pass its kubeconfig and two images that its nodes have or can pull, of cmd/logout-operator and
// cmd/fake-logout-service; on kind:
//
//	hack/cluster/cluster.sh tarball e2e-operator ./cmd/logout-operator operator.tar
//	hack/cluster/cluster.sh tarball e2e-fake ./cmd/fake-logout-service fake.tar
//	kind create cluster && kind load image-archive operator.tar && kind load image-archive fake.tar
//	make e2e KUBECONFIG=~/.kube/config E2E_IMAGE=cluster.local/e2e-operator:v1 \
//	  E2E_FAKE_IMAGE=cluster.local/e2e-fake:v1
//
// Without these variables, the package skips its tests. It connects only to the API server, and needs no DNS in the
// cluster and no program other than go.
//
// By default each kind of failover is done twice; E2E_FLAGS=-failovers=10 is the long form. The package prints the
// figures at the end. It counts calls in the journal of the fake service, never in the operator's own metrics or
// statuses.
package e2e
