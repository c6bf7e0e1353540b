// Package faults breaks the operator, and what it talks to, at named moments and counts what users get of it.
//
// The operator is a process of its own, built with the race detector and running as its ServiceAccount. Between it and
// a real API server stands a proxy that loses, holds or answers single writes; the service is a fake that keeps a
// journal of every call. A fault is tied to an event (this claim arrives, this call waits), never to chance or to a
// pause. What must hold: every object finishes, and a call is repeated only if the operator died, or was refused for
// good, between the call's claim and its outcome.
//
// One scenario, in full: go test ./test/faults -full -v -run TestKill
package faults

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/await"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/controlplane"
	"github.com/logout-operator/logout-operator/test/figures"
	"github.com/logout-operator/logout-operator/test/operatortest"
)

var (
	full     = flag.Bool("full", false, "run everything in full, which takes about half an hour, and assert durations, too")
	operated = flag.String("operator", "", "the operator's executable, to use in place of one that is built")
)

// either is the size of something in the short form and in the full one.
func either[T any](short, inFull T) T {
	if *full {
		return inFull
	}
	return short
}

const (
	tenant  = "tenant"  // the namespace of all UserLogouts
	account = "account" // the account of all users
)

var (
	plane   *controlplane.ControlPlane
	audit   *auditTail
	admin   client.WithWatch // goes past the proxy
	service *chimetest.Server
	binary  string // the operator
)

func TestMain(m *testing.M) {
	flag.Parse()
	await.Patience = either(3*time.Minute, 10*time.Minute) // it costs nothing unless a test fails
	dir, err := os.MkdirTemp("", "faults-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s := suite{tests: m, dir: dir, auditLog: filepath.Join(dir, "audit.log")}
	code := controlplane.Main(s, controlplane.Options{AuditLog: s.auditLog}, func(cp *controlplane.ControlPlane) { plane = cp })
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// suite prepares what all tests share, runs them, and looks at the journal once more when all of them are over, and at what
// the API server has forbidden the operator.
type suite struct {
	tests         *testing.M
	dir, auditLog string
}

func (s suite) Run() int {
	credentials := aws.Credentials{AccessKeyID: "AKIDFAULTS", SecretAccessKey: "secret"}
	service = chimetest.NewServer(chimetest.Options{Credentials: []aws.Credentials{credentials}})
	defer service.Close()
	if err := s.prepare(context.Background(), credentials); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := s.tests.Run()
	if *full {
		figures.Print(os.Stdout)
	} else {
		fmt.Println("left out in this short form:", strings.Join(leftOut, "; "))
	}
	if err := errors.Join(recount(), audit.verify()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// leftOut is what only the full form (-full) does.
var leftOut = []string{
	"200 kills at each point", "200 SIGTERMs", "five minutes without API server with 10 000 objects waiting", "the leader cut off",
	"guards removed", "limits of durations", "watches that end in other ways than by 410 when they are resumed",
	"another wall clock", "etcd restored from a copy", "credentials that are fixed at the service", "5 000 finished objects",
}

func (s suite) prepare(ctx context.Context, credentials aws.Credentials) error {
	ctrl.SetLogger(logr.Discard()) // of the clients in this process
	if binary = *operated; binary == "" {
		binary = filepath.Join(s.dir, "logout-operator")
		if err := operatortest.Build(ctx, binary, true); err != nil {
			return err
		}
	}
	if err := operatortest.Install(ctx, plane); err != nil {
		return err
	}
	audit = &auditTail{path: s.auditLog, user: "system:serviceaccount:" + operatortest.Namespace + ":" + operatortest.Account}
	found := operatortest.Manifests(
		operatortest.Tenant(tenant, true),
		operatortest.Secret("credentials", credentials),
		operatortest.DefaultProvider(service.URL, 1000, 1000), // a limit that is out of the way
		operatortest.Scraper(operatortest.Namespace, "prometheus"),
	)
	if err := plane.Apply(ctx, found); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(v1alpha1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		return err
	}
	var err error
	admin, err = client.NewWithWatch(plane.Config, client.Options{Scheme: scheme})
	return err
}
