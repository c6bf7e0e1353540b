package faults

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// stopping is what the operator logs when it has begun to stop, because of a signal or a lost lease.
const stopping = "Stopping and waiting for leader election runnables"

// operator is a running operator.
type operator struct {
	cmd    *exec.Cmd
	log    *processLog
	exited chan struct{}
}

// startOperator starts an operator that reaches the API server by the proxy only. What it printed is shown if the test
// fails, and a data race fails it.
func startOperator(t *testing.T, p *proxy, flags ...string) *operator {
	t.Helper()
	flags = append([]string{
		"--kubeconfig=" + kubeconfig(t, p), "--namespace=" + operatorNamespace,
		"--metrics-bind-address=0", "--health-probe-bind-address=0",
		"--workers=10", "--call-timeout=2s", "--visibility-timeout=4s",
	}, flags...)
	o := &operator{cmd: exec.Command(binary, flags...), log: &processLog{}, exited: make(chan struct{})}
	o.cmd.Env = append(os.Environ(), "AWS_EC2_METADATA_DISABLED=true")
	o.cmd.Stderr = o.log
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = o.cmd.Wait() // its status is looked at by exitCode
		close(o.exited)
	}()
	t.Cleanup(func() {
		o.kill()
		if bytes.Contains(o.log.text, []byte("DATA RACE")) {
			t.Error("the operator has a data race")
		}
		if t.Failed() {
			t.Logf("the operator printed:\n%s", o.log.text)
		}
	})
	return o
}

// kill ends the operator by SIGKILL and returns when it is gone.
func (o *operator) kill() {
	_ = o.cmd.Process.Kill() // it may be gone already
	<-o.exited
}

// terminate sends SIGTERM.
func (o *operator) terminate(t *testing.T) {
	t.Helper()
	if err := o.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// exitCode returns the exit code, once there is one.
func (o *operator) exitCode(t *testing.T) int {
	t.Helper()
	receive(t, o.exited, "the operator to exit")
	return o.cmd.ProcessState.ExitCode()
}

// processLog is what a process prints.
type processLog struct {
	state
	text []byte
}

func (l *processLog) Write(p []byte) (int, error) {
	l.change(func() { l.text = append(l.text, p...) })
	return len(p), nil
}

// awaitText returns when the process has printed the text.
func (l *processLog) awaitText(t *testing.T, text string) {
	t.Helper()
	l.await(t, text, func() bool { return bytes.Contains(l.text, []byte(text)) })
}

// kubeconfig writes one for the operator's ServiceAccount at the proxy, and returns its path.
func kubeconfig(t *testing.T, p *proxy) string {
	t.Helper()
	config, err := plane.ServiceAccountConfig(t.Context(), operatorNamespace, operatorAccount)
	if err != nil {
		t.Fatal(err)
	}
	const only = "faults"
	file := clientcmdapi.NewConfig()
	file.Clusters[only] = &clientcmdapi.Cluster{Server: p.url, CertificateAuthorityData: p.ca}
	file.AuthInfos[only] = &clientcmdapi.AuthInfo{Token: config.BearerToken}
	file.Contexts[only] = &clientcmdapi.Context{Cluster: only, AuthInfo: only}
	file.CurrentContext = only
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*file, path); err != nil {
		t.Fatal(err)
	}
	return path
}
