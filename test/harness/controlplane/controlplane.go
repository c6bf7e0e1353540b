// Package controlplane starts a real Kubernetes control plane, etcd and kube-apiserver, on loopback for tests and
// demonstrations. RBAC authorises requests, so a program that runs as its own ServiceAccount has exactly the
// permissions in its manifests.
//
// There is no controller manager: nothing creates default ServiceAccounts, collects garbage or completes the deletion
// of a namespace.
//
// The programs are in a process group of their own, so that an interrupt at the terminal does not reach them. If you
// start a control plane, you must stop it however your process ends: with [Main] in a test, otherwise with
// signal.NotifyContext and a deferred [ControlPlane.Stop].
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/logout-operator/logout-operator/test/harness/controlplane/assets"
)

// patience is how long each of the programs may take to start and to stop. Two busy cores need that long.
const patience = time.Minute

// auditPolicy logs each request once, without bodies.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
`

// Options are the settings of a control plane. The zero value suits most tests.
type Options struct {
	// AuditLog is the absolute path of a file to which the API server appends a JSON line for each request that it has
	// answered: time, user, verb, object and status. If it is empty, nothing is logged.
	AuditLog string
	// Log receives the output of kube-apiserver and etcd. If it is nil, only the error of a failed start shows the end
	// of the output.
	Log io.Writer
}

// ControlPlane is a running control plane.
type ControlPlane struct {
	// Config is the access of an administrator whom RBAC never refuses.
	Config *rest.Config
	// Kubeconfig is the same access as a file for kubectl and other programs. It is valid for a week.
	Kubeconfig []byte

	env    *envtest.Environment
	client client.Client
	dir    string // all files that the control plane writes; removed by Stop
}

// Start starts a control plane and returns when it answers requests, three to five seconds later on a machine that has
// the programs. If ctx ends, the search for the programs stops at once; a start that has begun is completed and then
// undone. If Start returns an error, nothing is left running.
func Start(ctx context.Context, opts Options) (*ControlPlane, error) {
	programs, err := assets.Find(ctx, os.Stderr)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "controlplane-")
	if err != nil {
		return nil, err
	}
	cp := &ControlPlane{dir: dir}
	log := &outputLog{to: opts.Log}
	if err := cp.start(programs, opts, log); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the control plane: %w\n%s", err, log), cp.Stop())
	}
	if ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), cp.Stop())
	}
	return cp, nil
}

func (cp *ControlPlane) start(programs string, opts Options, log io.Writer) error {
	existing := false // ignore USE_EXISTING_CLUSTER: tests change and delete the objects that they find
	cp.env = &envtest.Environment{
		UseExistingCluster:       &existing,
		ControlPlaneStartTimeout: patience,
		ControlPlaneStopTimeout:  patience,
	}
	cp.env.ControlPlane.Etcd = &envtest.Etcd{
		Path:    filepath.Join(programs, "etcd"),
		DataDir: filepath.Join(cp.dir, "etcd"),
		Out:     log,
		Err:     log,
	}
	server := cp.env.ControlPlane.GetAPIServer()
	server.Path = filepath.Join(programs, "kube-apiserver")
	server.CertDir = filepath.Join(cp.dir, "certificates")
	server.Out, server.Err = log, log
	for _, d := range []string{cp.env.ControlPlane.Etcd.DataDir, server.CertDir} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return err
		}
	}
	if opts.AuditLog != "" {
		policy := filepath.Join(cp.dir, "audit-policy.yaml")
		if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
			return err
		}
		server.Configure().Set("audit-policy-file", policy).Set("audit-log-path", opts.AuditLog)
	}
	config, err := cp.env.Start()
	if err != nil {
		return err
	}
	config.QPS = -1 // no limit in the client, as in an operator: the API server's own flow control is enough
	cp.Config, cp.Kubeconfig = config, cp.env.KubeConfig
	cp.client, err = client.New(config, client.Options{})
	return err
}

// Stop ends both programs, waits until they have exited and removes their files, except the audit log. It may be called
// more than once.
func (cp *ControlPlane) Stop() error {
	var err error
	if cp.env != nil {
		err = cp.env.Stop()
	}
	return errors.Join(err, os.RemoveAll(cp.dir))
}
