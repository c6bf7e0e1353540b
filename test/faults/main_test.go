// Package faults breaks the operator, and what it talks to, at named moments and counts what users get of it.
//
// The operator is a process of its own, built with the race detector and running as its ServiceAccount. Between it and
// a real API server stands a proxy that loses, holds or answers single writes; the service is a fake that keeps a
// journal of every call. A fault is tied to an event (this claim arrives, this call waits), never to chance or to a
// pause. What must hold: every object finishes, and a call is repeated only if the operator died, or was refused for
// good, between the call's claim and its outcome.
package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/controlplane"
	"github.com/logout-operator/logout-operator/test/operatortest"
)

const (
	tenant  = "tenant"  // the namespace of all UserLogouts
	account = "account" // the account of all users
)

var (
	plane   *controlplane.ControlPlane
	admin   client.WithWatch // goes past the proxy
	service *chimetest.Server
	binary  string // the operator
)

// manifests of what the operator finds beside what it is installed with. The provider's limit is out of the way.
const manifests = `
apiVersion: v1
kind: Namespace
metadata: {name: tenant, labels: {logout-operator.io/allowed: "true"}}
---
apiVersion: v1
kind: Secret
metadata: {name: credentials, namespace: logout-operator-system}
stringData: {AWS_ACCESS_KEY_ID: %s, AWS_SECRET_ACCESS_KEY: %s}
---
apiVersion: logout-operator.io/v1alpha1
kind: ClusterLogoutProvider
metadata: {name: default}
spec:
  type: AmazonChime
  amazonChime: {endpoint: %q, credentials: {secretRef: {name: credentials}}}
  accountIDs: [account]
  allowedNamespaces: {from: Selector, selector: {matchLabels: {logout-operator.io/allowed: "true"}}}
  rateLimit: {requestsPerSecond: 1000, burst: 1000}
`

func TestMain(m *testing.M) {
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
	user := "system:serviceaccount:" + operatortest.Namespace + ":" + operatortest.Account
	if err := errors.Join(recount(), controlplane.Unrefused(s.auditLog, user)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func (s suite) prepare(ctx context.Context, credentials aws.Credentials) error {
	binary = filepath.Join(s.dir, "logout-operator")
	if err := errors.Join(operatortest.Build(ctx, binary, true), operatortest.Install(ctx, plane)); err != nil {
		return err
	}
	found := fmt.Sprintf(manifests, credentials.AccessKeyID, credentials.SecretAccessKey, service.URL)
	if err := plane.Apply(ctx, []byte(found)); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	var err error
	admin, err = client.NewWithWatch(plane.Config, client.Options{Scheme: scheme})
	return err
}
