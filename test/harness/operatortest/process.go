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
	// Access to the API server, usually that of the operator's ServiceAccount. Its Host and CAData may be those of a
	// proxy; its token is the only credential in use.
	Access *rest.Config
	// Flags in addition to those of every operator here: its kubeconfig, its namespace, and no addresses to listen on.
	// A flag that is given here overrides the same flag there.
	Flags []string
	// Environment has variables, as NAME=value, in addition to those of this process.
	Environment []string
	// Metrics makes it serve metrics at Process.Metrics.
	Metrics bool
	// Log receives the operator's output. If it is nil, the output is dropped.
	Log io.Writer
}

// Process is a started operator. On Linux it does not outlive this process, whatever ends it; elsewhere it does unless
// it is killed.
type Process struct {
	// Metrics is the address at which it serves metrics, to callers that the API server knows; empty for none.
	Metrics string

	cmd    *exec.Cmd
	exited chan struct{}
}

// Start starts an operator. End it with Kill. Start does not wait until the operator is ready.
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
	flags := []string{"--kubeconfig=" + kubeconfig, "--namespace=" + Namespace, "--metrics-bind-address=0",
		"--health-probe-bind-address=0"}
	if o.Metrics {
		if p.Metrics, err = FreeAddress(); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		flags = append(flags, "--metrics-bind-address="+p.Metrics)
	}
	p.cmd = exec.Command(o.Binary, append(flags, o.Flags...)...)
	p.cmd.Env = append(os.Environ(), "AWS_EC2_METADATA_DISABLED=true") // no identity other than that in the Secrets
	p.cmd.Env = append(p.cmd.Env, o.Environment...)
	p.cmd.Stdout, p.cmd.Stderr = o.Log, o.Log
	p.cmd.SysProcAttr = dieWithParent()
	started := make(chan error)
	go p.run(started, dir)
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// run starts the process and waits for its end on one thread, because on Linux the parent that the process must not
// outlive is the thread that started it.
func (p *Process) run(started chan<- error, dir string) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	if err == nil {
		started <- nil
		_ = p.cmd.Wait() // ExitCode returns the status
		_ = os.RemoveAll(dir)
		close(p.exited)
		return
	}
	started <- errors.Join(err, os.RemoveAll(dir))
}

// Kill ends the operator with SIGKILL and returns when it is gone and all its output has been written to the log. It
// may be called for an operator that has already ended.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// Terminate sends SIGTERM, as Kubernetes does to end a pod.
func (p *Process) Terminate() error { return p.cmd.Process.Signal(syscall.SIGTERM) }

// Exited is closed when the operator is gone and all its output has been written to the log.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// ExitCode waits for the end and returns the exit code, or -1 after a signal.
func (p *Process) ExitCode() int {
	<-p.exited
	return p.cmd.ProcessState.ExitCode()
}

// FreeAddress returns an address on which nobody listens right now, for a process that does not report which one it has
// chosen.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// writeKubeconfig writes the access to a file.
func writeKubeconfig(path string, access *rest.Config) error {
	const only = "operator"
	file := clientcmdapi.NewConfig()
	file.Clusters[only] = &clientcmdapi.Cluster{Server: access.Host, CertificateAuthorityData: access.CAData,
		TLSServerName: access.ServerName}
	file.AuthInfos[only] = &clientcmdapi.AuthInfo{Token: access.BearerToken}
	file.Contexts[only] = &clientcmdapi.Context{Cluster: only, AuthInfo: only, Namespace: Namespace}
	file.CurrentContext = only
	return clientcmd.WriteToFile(*file, path)
}
