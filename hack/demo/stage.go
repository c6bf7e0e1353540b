package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/gotool"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// patience bounds every step once the control plane is up.
const patience = 2 * time.Minute

// stage holds everything that runs, and how to take it down again.
type stage struct {
	*steps
	dir      string // all files that this program writes
	samples  samples
	plane    *controlplane.ControlPlane
	fake     *fakeService
	operator *operator
	undo     []func() error // in the order in which the steps were done
}

// play raises the stage and runs the demonstration on it. It calls abort if the operator exits unexpectedly.
func (s *stage) play(ctx context.Context, abort context.CancelCauseFunc, keep bool) error {
	root, err := gotool.ModuleRoot(ctx)
	if err != nil {
		return err
	}
	if s.samples, err = readSamples(filepath.Join(root, "config", "samples")); err != nil {
		return err
	}
	if err := s.raise(ctx); err != nil {
		return err
	}
	bounded, cancel := context.WithTimeoutCause(ctx, patience,
		fmt.Errorf("not done %s after the control plane was up", patience))
	defer cancel()
	if err := s.setUp(bounded, root, abort); err != nil {
		return err
	}
	if keep {
		return s.dev(ctx)
	}
	return s.demo(bounded)
}

// raise does the steps that have no time limit: compiling and, the first time, getting a control plane.
func (s *stage) raise(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "logout-demo-")
	if err != nil {
		return err
	}
	s.dir = dir
	s.undo = append(s.undo, func() error { return os.RemoveAll(dir) })

	s.begin("Building the operator")
	if err := operatortest.Build(ctx, s.program(), false); err != nil {
		return err
	}

	s.begin("Starting a control plane: etcd and kube-apiserver on loopback")
	if s.plane, err = controlplane.Start(ctx, controlplane.Options{}); err != nil {
		return err
	}
	s.undo = append(s.undo, s.plane.Stop)
	return nil
}

// setUp starts the service and the operator, and waits until a provider connects them.
func (s *stage) setUp(ctx context.Context, root string, abort context.CancelCauseFunc) error {
	var err error
	s.fake = startFake(s.samples.logout.Spec)
	s.undo = append(s.undo, s.fake.close)
	s.begin("Started a fake LogoutUser service at %s; the user is signed in on %s", s.fake.endpoint,
		strings.Join(devices, ", "))

	s.begin("Applying config/crd, the namespace of config/default, and config/rbac")
	if err := s.install(ctx, root); err != nil {
		return err
	}

	s.begin("Starting the operator under its own ServiceAccount")
	if s.operator, err = s.startOperator(ctx, abort); err != nil {
		return err
	}
	s.undo = append(s.undo, func() error {
		_ = s.operator.stop() // demo and dev have already checked how it ended
		return nil
	})

	s.begin(
		"Applying namespace %s, labelled as allowed, the Secret with the credentials, and config/samples/provider_amazonchime.yaml",
		s.samples.logout.Namespace)
	s.event("with the endpoint of the fake service in place of " + s.samples.provider.Spec.AmazonChime.Endpoint)
	return s.configure(ctx)
}

// install applies everything that an administrator installs except the Deployment: nothing here runs pods.
func (s *stage) install(ctx context.Context, root string) error {
	crds, err := controlplane.Kustomize(filepath.Join(root, "config", "crd"))
	if err != nil {
		return err
	}
	namespace, err := os.ReadFile(filepath.Join(root, "config", "default", "namespace.yaml"))
	if err != nil {
		return err
	}
	rbac, err := controlplane.Kustomize(filepath.Join(root, "config", "rbac"))
	if err != nil {
		return err
	}
	for _, manifests := range [][]byte{crds, namespace, rbac} {
		if err := s.plane.Apply(ctx, manifests); err != nil {
			return err
		}
	}
	return nil
}

// configure applies the provider and the objects that it needs, and waits until it is ready.
func (s *stage) configure(ctx context.Context) error {
	manifests, err := s.samples.configuration(s.fake)
	if err != nil {
		return err
	}
	watch, err := s.watch(ctx, "", "clusterlogoutproviders")
	if err != nil {
		return err
	}
	defer watch.close()
	if err := s.plane.Apply(ctx, manifests); err != nil {
		return err
	}
	_, err = until(ctx, watch, func(p v1alpha1.ClusterLogoutProvider) bool {
		return meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionReady)
	})
	if err != nil {
		return fmt.Errorf("the provider did not become Ready: %w", err)
	}
	return nil
}

// close takes everything down, the last first.
func (s *stage) close() error {
	var errs []error
	for _, undo := range slices.Backward(s.undo) {
		errs = append(errs, undo())
	}
	return errors.Join(errs...)
}
