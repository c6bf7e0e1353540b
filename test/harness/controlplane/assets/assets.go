// Package assets finds, downloads or builds the two programs of a control plane for tests: kube-apiserver and etcd.
//
// It imports little beyond the standard library, so that a program that calls [Find] compiles quickly and can print its
// progress while the rest is prepared.
package assets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// progressInterval is the time between two progress lines of a download or a build.
const progressInterval = 10 * time.Second

// programs are the names of the files in a complete directory of assets.
var programs = []string{"kube-apiserver", "etcd"}

// Find returns the absolute path of a directory that holds kube-apiserver and etcd. It takes the first of:
//
//   - the directory that $KUBEBUILDER_ASSETS names, if it has both programs;
//   - the directory that an earlier call left in the user's cache, for the versions pinned in hack/controlplane/go.mod;
//   - a download of the same minor version by setup-envtest, abandoned at once on a machine that cannot reach its
//     index, and skipped if $ENVTEST_INSTALLED_ONLY is set;
//   - a build from the Go modules, which takes about 8 minutes the first time on two cores.
//
// While it downloads or builds, it prints at least one line every ten seconds to progress. Concurrent calls, from one
// or more processes, are safe, but each does the work. The last two steps need a working directory inside a clone of
// this repository. The error says why each of the steps failed, or is that of ctx.
func Find(ctx context.Context, progress io.Writer) (string, error) {
	if env := os.Getenv("KUBEBUILDER_ASSETS"); env != "" {
		dir, err := filepath.Abs(env)
		if err == nil {
			err = complete(dir)
		}
		if err == nil {
			return dir, nil
		}
		say(progress, "KUBEBUILDER_ASSETS is not used: %v", err)
	}
	userCache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding a place for kube-apiserver and etcd: %w", err)
	}
	repo, err := openRepository(ctx)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("kubernetes-%s-etcd-%s-%s-%s", repo.kubernetes, repo.etcd, runtime.GOOS, runtime.GOARCH)
	c := cache{
		dir:     filepath.Join(userCache, "logout-operator", "controlplane", name),
		sources: []source{repo.built()},
	}
	if os.Getenv("ENVTEST_INSTALLED_ONLY") == "" {
		c.sources = append([]source{repo.downloaded(envtestIndex)}, c.sources...)
	}
	if err := c.fill(ctx, progress); err != nil {
		return "", err
	}
	return c.dir, nil
}

// complete returns an error that names a program missing from dir, if any.
func complete(dir string) error {
	for _, name := range programs {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s in %s is not a file", name, dir)
		}
	}
	return nil
}

// A source is one way to get the programs.
type source struct {
	// doing describes in progress lines what fetch does.
	doing string
	// fetch puts the programs into dir, an empty directory on the file system where they will stay.
	fetch func(ctx context.Context, dir string) error
}

// cache is a directory that is either complete or absent.
type cache struct {
	dir     string
	sources []source
}

// fill makes the directory complete from the first source that succeeds, unless it is complete already.
func (c cache) fill(ctx context.Context, progress io.Writer) error {
	if complete(c.dir) == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(c.dir), 0o700); err != nil {
		return err
	}
	var errs []error
	for _, s := range c.sources {
		err := c.fillFrom(ctx, s, progress)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", s.doing, ctx.Err())
		}
		say(progress, "%s: %v", s.doing, err)
		errs = append(errs, fmt.Errorf("%s: %w", s.doing, err))
	}
	return errors.Join(errs...)
}

func (c cache) fillFrom(ctx context.Context, s source, progress io.Writer) error {
	tmp, err := os.MkdirTemp(filepath.Dir(c.dir), ".unfinished-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }() // nothing is left there after the rename
	err = report(progress, s.doing, func() error { return s.fetch(ctx, tmp) })
	if err == nil {
		err = complete(tmp)
	}
	if err != nil {
		return err
	}
	if complete(c.dir) == nil {
		return nil // another process was faster
	}
	if err := os.RemoveAll(c.dir); err != nil {
		return err
	}
	if err := os.Rename(tmp, c.dir); err != nil && complete(c.dir) != nil {
		return err
	}
	return nil
}

// report calls work, and says at the start and every progressInterval what it is doing.
func report(progress io.Writer, doing string, work func() error) error {
	start := time.Now()
	say(progress, "%s", doing)
	tick := time.NewTicker(progressInterval)
	defer tick.Stop()
	done := make(chan error, 1)
	go func() { done <- work() }()
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			say(progress, "%s: %s so far", doing, time.Since(start).Round(time.Second))
		}
	}
}

// say prints one line. An error while printing must not stop a control plane from starting.
func say(progress io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(progress, "control plane: "+format+"\n", args...)
}
