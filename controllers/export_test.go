package controllers

import "sigs.k8s.io/controller-runtime/pkg/client"

// TestCluster gives tests that need the package's internals access to the control plane, with the operator's user name
// and an administrator's rights.
var TestCluster client.WithWatch
