// Package faults injects faults into the operator, and into the services that it talks to, at named moments, and counts
// the effects for users.
//
// The operator is a process of its own, built with the race detector and running as its ServiceAccount. A proxy between
// it and a real API server loses, holds or answers single writes; the service is a fake that keeps a journal of every
// call. A fault is tied to an event (this claim arrives, this call waits), never to chance or to a delay. Two rules
// must hold: every object finishes; and a call is repeated only if the operator died, or was refused for good, between
// the call's claim and its outcome.
//
// One scenario, in full: go test ./test/faults -full -v -run TestKill
package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

const (
	tenant  = "tenant"  // the namespace of all UserLogouts
	account = "account" // the account of all users
)

var (
	installed *suite.Cluster
	plane     *controlplane.ControlPlane
	audit     *auditTail
	admin     client.WithWatch // does not use the proxy
	service   *chimetest.Server
	binary    string // the path of the operator's executable
)

func TestMain(m *testing.M) {
	suite.Suite{Race: true, Audit: true, Prepare: prepare, Finish: finish}.Main(m)
}

// prepare sets up everything that the tests share.
func prepare(ctx context.Context, c *suite.Cluster) error {
	await.Patience = suite.Either(3*time.Minute, 10*time.Minute) // it costs nothing unless a test fails
	installed, plane, admin, binary = c, c.ControlPlane, c.Admin, c.Binary
	audit = &auditTail{path: c.AuditLog, user: operatortest.User}
	credentials := aws.Credentials{AccessKeyID: "AKIDFAULTS", SecretAccessKey: "secret"}
	service = chimetest.NewServer(chimetest.Options{Credentials: []aws.Credentials{credentials}})
	return c.Apply(ctx, operatortest.Manifests(
		operatortest.Tenant(tenant, true),
		operatortest.Secret("credentials", credentials),
		operatortest.DefaultProvider(service.URL, 1000, 1000), // a limit that is never reached
	))
}

// finish checks the journal once more when all tests are over, and the audit log for requests of the operator that were
// forbidden.
func finish() error {
	defer service.Close()
	if suite.Full() {
		figures.Print(os.Stdout)
	} else {
		fmt.Println("left out in this short form:", strings.Join(leftOut, "; "))
	}
	return errors.Join(recount(), audit.verify())
}

// leftOut lists everything that only the full form (-full) does.
var leftOut = []string{
	"200 kills at each point", "200 SIGTERMs", "five minutes without API server with 10 000 objects waiting",
	"the leader cut off",
	"guards removed", "limits of durations", "watches that end in other ways than by 410 when they are resumed",
	"another wall clock", "etcd restored from a copy", "credentials that are fixed at the service",
	"5 000 finished objects",
}
