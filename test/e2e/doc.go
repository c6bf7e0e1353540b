// Package e2e installs the operator on a real cluster, as users do, and puts it through what a cluster does to it: pods
// that are deleted and killed with calls in flight, a rolling upgrade under load, a Secret that is rotated, tenants and
// scrapers with the permissions they have, and the uninstallation.
//
// On Linux, as root, make e2e starts a cluster of one node for them (hack/cluster). For any other cluster, one without the
// operator, name it and two images that its nodes have or can pull, of cmd/logout-operator and cmd/fake-logout-service; on
// kind:
//
//	hack/cluster/cluster.sh tarball e2e-operator ./cmd/logout-operator operator.tar
//	hack/cluster/cluster.sh tarball e2e-fake ./cmd/fake-logout-service fake.tar
//	kind create cluster && kind load image-archive operator.tar && kind load image-archive fake.tar
//	make e2e KUBECONFIG=~/.kube/config E2E_IMAGE=cluster.local/e2e-operator:v1 E2E_FAKE_IMAGE=cluster.local/e2e-fake:v1
//
// Without these variables its tests are skipped. It reaches nothing but the API server, and needs no DNS in the cluster
// and no other program than go.
//
// By default each kind of failover is done twice; E2E_FLAGS=-failovers=10 is the long form. The figures are printed at
// the end. Calls are counted in the journal of the fake service, never by the operator's own account.
package e2e
