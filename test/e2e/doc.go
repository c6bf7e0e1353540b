// Package e2e installs the operator on a real cluster, as users do, and puts it through what a cluster does to it: pods
// that are deleted and killed with calls in flight, a rolling upgrade under load, a Secret that is rotated, tenants and
// scrapers with the permissions they have, and the uninstallation.
//
// It needs a cluster without the operator, and two images that the cluster's nodes have or can pull, of
// cmd/logout-operator and cmd/fake-logout-service:
//
//	make e2e KUBECONFIG=… E2E_IMAGE=… E2E_FAKE_IMAGE=…
//
// Without these variables its tests are skipped. It reaches nothing but the API server, and needs no DNS in the cluster
// and no other program than go. On kind:
//
//	kind create cluster && kind load docker-image "$E2E_IMAGE" "$E2E_FAKE_IMAGE"
//	make e2e KUBECONFIG=~/.kube/config E2E_IMAGE="$E2E_IMAGE" E2E_FAKE_IMAGE="$E2E_FAKE_IMAGE"
//
// By default each kind of failover is done twice; E2E_FLAGS=-failovers=10 is the long form. The figures are printed at
// the end. Calls are counted in the journal of the fake service, never by the operator's own account.
package e2e
