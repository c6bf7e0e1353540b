package offboard

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
)

// TestEndToEnd has the real operator between Offboard and a fake service, which verifies signatures
// and is throttling at first.
func TestEndToEnd(t *testing.T) {
	keys := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "example"}
	service := chimetest.NewServer(chimetest.Options{Credentials: []aws.Credentials{keys}})
	t.Cleanup(service.Close)
	service.SignIn(jane.AccountID, jane.ID, "laptop", "phone")
	service.Script(jane.AccountID, jane.ID, chimetest.Answer{Code: "ThrottledClientException"})

	namespace := newNamespace(t) // the operator's, and Offboard's
	create(t, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "keys", Namespace: namespace},
		StringData: map[string]string{"AWS_ACCESS_KEY_ID": keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY": keys.SecretAccessKey},
	})
	create(t, &v1alpha1.ClusterLogoutProvider{
		ObjectMeta: metav1.ObjectMeta{Name: "default"},
		Spec: v1alpha1.ClusterLogoutProviderSpec{
			Type: v1alpha1.AmazonChimeProviderType,
			AmazonChime: &v1alpha1.AmazonChimeProvider{
				Endpoint:    service.URL,
				Credentials: &v1alpha1.Credentials{SecretRef: v1alpha1.SecretReference{Name: "keys"}},
			},
			AccountIDs:        []string{jane.AccountID},
			AllowedNamespaces: v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromAll},
		},
	})
	startOperator(t, namespace)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := Offboard(ctx, c, namespace, jane); err != nil {
		t.Fatal(err)
	}
	if left := service.Sessions(jane.AccountID, jane.ID); len(left) > 0 {
		t.Errorf("still signed in: %v", left)
	}
	if n := service.Calls(jane.AccountID, jane.ID); n != 2 {
		t.Errorf("%d calls, want one that is throttled and one more", n)
	}
}

// startOperator builds the operator of the version in go.mod and runs it until the test ends.
func startOperator(t *testing.T, namespace string) {
	t.Helper()
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "github.com/logout-operator/logout-operator/cmd/logout-operator")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the operator: %v\n%s", err, out)
	}
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := os.WriteFile(kubeconfig, cluster.KubeConfig, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	operator := exec.CommandContext(t.Context(), filepath.Join(dir, "logout-operator"), "--kubeconfig="+kubeconfig,
		"--namespace="+namespace, "--metrics-bind-address=0", "--health-probe-bind-address=0")
	operator.Stderr = &log
	// The context of a test is done before its cleanups run.
	operator.Cancel = func() error { return operator.Process.Signal(syscall.SIGTERM) }
	operator.WaitDelay = 30 * time.Second
	if err := operator.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = operator.Wait() // it was told to end
		if t.Failed() {
			t.Logf("the operator wrote:\n%s", &log)
		}
	})
}
