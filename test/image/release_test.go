// Package image_test makes a release twice, in different places, and checks the resulting image.
package image_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/logout-operator/logout-operator/test/harness/gotool"
)

const (
	version    = "v0.1.0"
	repository = "ghcr.io/logout-operator/logout-operator"
)

// TestRelease makes the release in two checkouts of the same commit that differ in path, time, time zone and
// permissions. Both compile with the same cache of third-party packages, because anything else would take minutes: only
// the compiler could cause a difference there, and the Go project checks that itself. The release workflow compares two
// machines without a cache.
func TestRelease(t *testing.T) {
	first, second := checkout(t, "first"), checkout(t, filepath.Join("another", "and a longer path"))
	build(t, first, "umask 022", "TZ=UTC")
	build(t, second, "umask 077", "TZ=Pacific/Auckland", "GOFLAGS=-buildvcs=false -tags=unknown", "LC_ALL=C")

	sums := read(t, first, "bin/release/SHA256SUMS")
	if other := read(t, second, "bin/release/SHA256SUMS"); sums != other {
		t.Errorf("two builds of one commit differ:\n%s\n%s", sums, other)
	}
	image := strings.TrimSpace(read(t, first, "bin/release/image.txt"))
	if !strings.HasPrefix(image, repository+":"+version+"@sha256:") {
		t.Errorf("image %q", image)
	}
	if installation := read(t, first, "bin/release/install.yaml"); !strings.Contains(installation,
		"image: "+image+"\n") {
		t.Errorf("install.yaml does not run %s", image)
	}
	for _, file := range []string{"image.txt", "install.yaml", "logout-operator-0.1.0.tgz",
		"logout-operator-linux-amd64.spdx.json", "logout-operator-linux-arm64.spdx.json"} {
		if !strings.Contains(sums, "  "+file+"\n") {
			t.Errorf("no checksum of %s", file)
		}
	}
	if t.Failed() {
		return
	}
	inspect(t, first, image)

}

func TestReleaseRefusesVersions(t *testing.T) {
	root := moduleRoot(t)
	for _, name := range []string{"", "0.1.0", "latest"} {
		cmd := exec.CommandContext(t.Context(), "make", "release-dry-run", "VERSION="+name)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "which version?") {
			t.Errorf("%q: %v, %s", name, err, out)
		}
	}
}

// checkout copies the current work tree, committed or not, and commits it there under a tag.
func checkout(t *testing.T, name string) string {
	t.Helper()
	root, dir := moduleRoot(t), filepath.Join(t.TempDir(), name)
	for _, file := range strings.Split(git(t, root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"),
		"\x00") {
		info, err := os.Stat(filepath.Join(root, file))
		if file == "" || os.IsNotExist(err) { // deleted, not yet committed
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, file), []byte(read(t, root, file)), info.Mode().Perm())
	}
	git(t, dir, "init", "--quiet")
	git(t, dir, "add", "--all")
	git(t, dir, "commit", "--quiet", "--message=the work tree")
	git(t, dir, "tag", version)
	return dir
}

// build makes the release in dir, after a shell command.
func build(t *testing.T, dir, before string, env ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", before+" && exec make release-dry-run VERSION="+version)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOWORK=off"), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make release-dry-run: %v\n%s", err, out)
	}
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=test", "GIT_AUTHOR_EMAIL=test@example.com", "GIT_AUTHOR_DATE=2026-01-02T03:04:05Z",
		"GIT_COMMITTER_NAME=test", "GIT_COMMITTER_EMAIL=test@example.com", "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", args[0], err, &stderr)
	}
	return string(out)
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := gotool.ModuleRoot(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func read(t *testing.T, elem ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func write(t *testing.T, path string, data []byte, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(fmt.Errorf("writing %s: %w", path, err))
	}
}
