// Package operatortest runs the operator as users do, as a process of its own with only the permissions of its
// ServiceAccount, for tests and measurements that must be able to kill it, cut it off or measure its resources.
//
//	err := operatortest.Build(ctx, binary, false)
//	err = operatortest.Install(ctx, plane)
//	access, err := plane.ServiceAccountConfig(ctx, operatortest.Namespace, operatortest.Account)
//	operator, err := operatortest.Start(operatortest.Options{Binary: binary, Access: access,
//		Flags: []string{"--workers=10"}})
//	defer operator.Kill()
package operatortest

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/gotool"
)

// Namespace and Account are the namespace and the ServiceAccount that config/default gives the operator.
const (
	Namespace = "logout-operator-system"
	Account   = "logout-operator"
	// User is the operator's name for the API server.
	User = "system:serviceaccount:" + Namespace + ":" + Account
)

// Build compiles the operator to path, with the race detector if race is set.
func Build(ctx context.Context, path string, race bool) error {
	root, err := gotool.ModuleRoot(ctx)
	if err != nil {
		return err
	}
	if path, err = filepath.Abs(path); err != nil { // the go command runs in another directory
		return err
	}
	if _, err := gotool.Run(ctx, root, "build", fmt.Sprintf("-race=%t", race), "-o", path,
		"./cmd/logout-operator"); err != nil {
		return fmt.Errorf("building the operator: %w", err)
	}
	return nil
}

// Install applies config/default: the CRDs, the operator's namespace and its permissions. The Deployment in it has no
// pods, because a control plane has no controller manager.
func Install(ctx context.Context, plane *controlplane.ControlPlane) error {
	root, err := gotool.ModuleRoot(ctx)
	if err != nil {
		return err
	}
	installation, err := controlplane.Kustomize(filepath.Join(root, "config", "default"))
	if err != nil {
		return err
	}
	return plane.Apply(ctx, installation)
}
