package operatortest

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Options of an operator to start.
type Options struct {
	// Binary is the operator's executable, from Build.
	Binary string
	// Access to the API server, as a rule that of the operator's ServiceAccount. Its Host and CAData may be those of a
	// proxy; its token is the only credential that is used.
	Access *rest.Config
	// Flags beside those that every operator here gets: its kubeconfig, its namespace, and no addresses to listen on.
	// One that is given here goes before the same one there.
	Flags []string
	// Metrics has it serve metrics at Process.Metrics.
	Metrics bool
	// Log receives what the operator prints. If it is nil, nobody does.
	Log io.Writer
}

// Process is an operator that was started. On Linux it does not outlive this process, whatever ends it; elsewhere it
// does unless it is killed.
type Process struct {
	// Metrics is the address at which it serves them, to callers that the API server knows; empty for none.
	Metrics string

	cmd    *exec.Cmd
	exited chan struct{}
}

// Start starts an operator, which has to be ended by Kill at last. It is not awaited that the operator can work.
func Start(o Options) (*Process, error) {
	dir, err := os.MkdirTemp("", "operatortest-")
	if err != nil {
		return nil, err
	}
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := writeKubeconfig(kubeconfig, o.Access); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	p := &Process{exited: make(chan struct{})}
	flags := []string{"--kubeconfig=" + kubeconfig, "--namespace=" + Namespace, "--metrics-bind-address=0", "--health-probe-bind-address=0"}
	if o.Metrics {
		if p.Metrics, err = FreeAddress(); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		flags = append(flags, "--metrics-bind-address="+p.Metrics)
	}
	p.cmd = exec.Command(o.Binary, append(flags, o.Flags...)...)
	p.cmd.Env = append(os.Environ(), "AWS_EC2_METADATA_DISABLED=true") // no other identity than the Secrets'
	p.cmd.Stdout, p.cmd.Stderr = o.Log, o.Log
	p.cmd.SysProcAttr = dieWithParent()
	started := make(chan error)
	go p.run(started, dir)
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// run starts the process and waits for its end on one thread, as Linux takes the thread that started it for the parent
// that it must not outlive.
func (p *Process) run(started chan<- error, dir string) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	if err == nil {
		started <- nil
		_ = p.cmd.Wait() // its status is looked at by ExitCode
		_ = os.RemoveAll(dir)
		close(p.exited)
		return
	}
	started <- errors.Join(err, os.RemoveAll(dir))
}

// Kill ends the operator by SIGKILL and returns when it is gone and all that it printed has been passed on. It may be
// called for one that is gone already.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// Terminate sends SIGTERM, as Kubernetes does to end a pod.
func (p *Process) Terminate() error { return p.cmd.Process.Signal(syscall.SIGTERM) }

// Exited is closed when the operator is gone and all that it printed has been passed on.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// ExitCode waits for the end and returns the exit code, or -1 after a signal.
func (p *Process) ExitCode() int {
	<-p.exited
	return p.cmd.ProcessState.ExitCode()
}

// FreeAddress returns an address at which nobody listens right now, for a process that does not tell which it has chosen.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// writeKubeconfig writes the access as a file.
func writeKubeconfig(path string, access *rest.Config) error {
	const only = "operator"
	file := clientcmdapi.NewConfig()
	file.Clusters[only] = &clientcmdapi.Cluster{Server: access.Host, CertificateAuthorityData: access.CAData}
	file.AuthInfos[only] = &clientcmdapi.AuthInfo{Token: access.BearerToken}
	file.Contexts[only] = &clientcmdapi.Context{Cluster: only, AuthInfo: only, Namespace: Namespace}
	file.CurrentContext = only
	return clientcmd.WriteToFile(*file, path)
}
