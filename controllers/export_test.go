package controllers

import "sigs.k8s.io/controller-runtime/pkg/client"

// TestCluster is access to the control plane of the tests, for those that need
// the package's inside, with the operator's name and an administrator's rights.
var TestCluster client.WithWatch
