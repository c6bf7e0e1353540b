package assets

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/logout-operator/logout-operator/test/harness/gotool"
)

const (
	kubernetesModule = "k8s.io/kubernetes"
	etcdModule       = "go.etcd.io/etcd/server/v3"

	// envtestIndex lists the downloads of setup-envtest. This is its default; it is repeated here to check whether it
	// can be reached.
	envtestIndex = "https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml"

	reachTimeout    = 5 * time.Second
	downloadTimeout = 5 * time.Minute
)

// repository is a clone of this repository, with its pinned versions.
type repository struct {
	root       string
	kubernetes string // such as v1.37.2
	etcd       string
}

// openRepository finds the clone and reads its pins.
func openRepository(ctx context.Context) (repository, error) {
	root, err := gotool.ModuleRoot(ctx)
	if err != nil {
		return repository{}, fmt.Errorf("looking for the clone with hack/controlplane: %w", err)
	}
	r := repository{root: root}
	versions, err := gotool.Run(ctx, r.pins(), "list", "-m", "-f", "{{.Version}}", kubernetesModule, etcdModule)
	if err != nil {
		return repository{}, fmt.Errorf("reading the versions in hack/controlplane: %w", err)
	}
	r.kubernetes, r.etcd, _ = strings.Cut(versions, "\n")
	return r, nil
}

// pins is the directory of the nested module that pins kube-apiserver and etcd.
func (r repository) pins() string { return filepath.Join(r.root, "hack", "controlplane") }

// minor is the Kubernetes version without its patch, such as 1.37.
func (r repository) minor() string {
	v := strings.TrimPrefix(r.kubernetes, "v")
	return v[:strings.LastIndex(v, ".")]
}

// downloaded is the source that makes setup-envtest download one of the versions in index. It accepts any patch
// release.
func (r repository) downloaded(index string) source {
	fetch := func(ctx context.Context, dir string) error {
		ctx, cancel := context.WithTimeout(ctx, downloadTimeout)
		defer cancel()
		// setup-envtest may wait minutes for a connection. On most machines that cannot download, this check fails at
		// once.
		if err := reachable(ctx, index); err != nil {
			return err
		}
		store := filepath.Join(dir, "store")
		found, err := gotool.Run(ctx, r.root, "tool", "-modfile=hack/tools/go.mod", "setup-envtest",
			"use", r.minor()+".x", "--index="+index, "--bin-dir="+store, "--print=path")
		if err != nil {
			return err
		}
		for _, name := range programs {
			if err := os.Rename(filepath.Join(found, name), filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		return os.RemoveAll(store)
	}
	return source{doing: "downloading kube-apiserver and etcd of Kubernetes " + r.minor(), fetch: fetch}
}

// reachable reports whether url answers 200 OK within reachTimeout.
func reachable(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil
}

// built is the source that compiles the pinned modules.
func (r repository) built() source {
	// Without these, the API server calls itself v0.0.0-master, and clients that compare versions reject it.
	minor := strings.TrimPrefix(r.minor(), "1.")
	const component, client = "k8s.io/component-base/version", "k8s.io/client-go/pkg/version"
	stamp := strings.Join([]string{
		"-s -w",
		"-X " + component + ".gitVersion=" + r.kubernetes,
		"-X " + component + ".gitMajor=1",
		"-X " + component + ".gitMinor=" + minor,
		"-X " + component + ".gitTreeState=clean",
		"-X " + client + ".gitVersion=" + r.kubernetes,
	}, " ")
	fetch := func(ctx context.Context, dir string) error {
		if _, err := gotool.Run(ctx, r.pins(), "build", "-ldflags=-s -w", "-o", filepath.Join(dir, "etcd"),
			etcdModule); err != nil {
			return err
		}
		_, err := gotool.Run(ctx, r.pins(), "build", "-ldflags="+stamp, "-o", filepath.Join(dir, "kube-apiserver"),
			kubernetesModule+"/cmd/kube-apiserver")
		return err
	}
	doing := fmt.Sprintf("building kube-apiserver %s and etcd %s (about 8 minutes the first time on two cores)",
		r.kubernetes, r.etcd)
	return source{doing: doing, fetch: fetch}
}
