package controllers

import "sigs.k8s.io/controller-runtime/pkg/client"

// TestCluster is the administrator's access to the control plane of the tests,
// for those that need the package's inside.
var TestCluster client.WithWatch
