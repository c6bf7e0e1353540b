package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/gotool"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// account is the account of all users.
const account = "account"

// keys sign the calls.
var keys = aws.Credentials{AccessKeyID: "AKIDBENCH", SecretAccessKey: "secret"}

// programs are the paths of the two compared executables.
type programs struct{ operator, bareLoop string }

// build compiles them into a directory.
func build(ctx context.Context, dir string) (programs, error) {
	p := programs{operator: filepath.Join(dir, "logout-operator"), bareLoop: filepath.Join(dir, "bareloop")}
	root, err := gotool.ModuleRoot(ctx)
	if err != nil {
		return p, err
	}
	if _, err := gotool.Run(ctx, root, "build", "-o", p.bareLoop, "./test/bench/bareloop"); err != nil {
		return p, err
	}
	return p, operatortest.Build(ctx, p.operator, false)
}

// stage is a control plane, a service, and everything that either side needs to run against them.
type stage struct {
	programs
	dir        string
	plane      *controlplane.ControlPlane
	admin      client.WithWatch
	access     *rest.Config  // of the operator's ServiceAccount, for either side
	account    client.Client // with that access: nobody else may write a status
	service    *chimetest.Server
	latency    atomic.Int64 // of the service, as a time.Duration
	audit      *auditLog    // nil if there is none
	namespaces int          // how many were created
}

// newStage starts a stage. The audit log of a large one would fill the disk, so it is optional.
func newStage(ctx context.Context, p programs, audited bool) (s *stage, err error) {
	s = &stage{programs: p}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.dir, err = os.MkdirTemp("", "bench-"); err != nil {
		return s, err
	}
	s.service = chimetest.NewServer(chimetest.Options{Credentials: []aws.Credentials{keys}})
	s.service.Intercept(func(chimetest.Call) *chimetest.Answer {
		return &chimetest.Answer{Delay: time.Duration(s.latency.Load())}
	})
	var options controlplane.Options
	if audited {
		options.AuditLog = filepath.Join(s.dir, "audit.log")
		s.audit = &auditLog{path: options.AuditLog,
			user: "system:serviceaccount:" + operatortest.Namespace + ":" + operatortest.Account}
	}
	if s.plane, err = controlplane.Start(ctx, options); err != nil {
		return s, err
	}
	if err = operatortest.Install(ctx, s.plane); err != nil {
		return s, err
	}
	const outOfTheWay = 10_000 // a limit of calls a second that is never reached
	found := operatortest.Manifests(
		operatortest.Secret("credentials", keys), operatortest.DefaultProvider(s.service.URL, outOfTheWay, outOfTheWay))
	if err = s.plane.Apply(ctx, found); err != nil {
		return s, err
	}
	if s.access, err = s.plane.ServiceAccountConfig(ctx, operatortest.Namespace, operatortest.Account); err != nil {
		return s, err
	}
	scheme := runtime.NewScheme()
	if err = v1alpha1.AddToScheme(scheme); err != nil {
		return s, err
	}
	if s.account, err = client.New(s.access, client.Options{Scheme: scheme}); err != nil {
		return s, err
	}
	s.admin, err = client.NewWithWatch(s.plane.Config, client.Options{Scheme: scheme})
	return s, err
}

func (s *stage) close() error {
	if s.audit != nil {
		s.audit.close()
	}
	if s.service != nil {
		s.service.Close()
	}
	var err error
	if s.plane != nil {
		err = s.plane.Stop()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// side is one of the two compared programs.
type side string

const (
	operator side = "operator"
	bareLoop side = "bare loop"
)

// run starts one side and ends it when do returns. The context of do ends if the process exits before.
func (s *stage) run(
	ctx context.Context, who side, workers int, namespace string, do func(context.Context, *operatortest.Process) error,
) error {
	options := operatortest.Options{Access: s.access, Log: os.Stderr,
		Flags: []string{fmt.Sprintf("--workers=%d", workers)}}
	switch who {
	case operator:
		options.Binary = s.operator
		options.Flags = append(options.Flags, "--log-level=warn")
	case bareLoop:
		options.Binary = s.bareLoop
		options.Flags = append(options.Flags, "--tenant="+namespace, "--endpoint="+s.service.URL,
			"--access-key-id="+keys.AccessKeyID, "--secret-access-key="+keys.SecretAccessKey)
	}
	p, err := operatortest.Start(options)
	if err != nil {
		return err
	}
	defer p.Kill()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		<-p.Exited()
		cancel(fmt.Errorf("the %s ended by itself, with exit code %d", who, p.ExitCode()))
	}()
	return do(ctx, p)
}
