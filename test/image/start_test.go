package image_test

import (
	"archive/tar"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// start runs the program as a kubelet would: as user 65532 in the image's files, which it cannot write, with nothing
// else in its file system. The end-to-end tests do the same with a kubelet.
func start(t *testing.T, files map[string]file) {
	t.Helper()
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Log("not started: that takes root on Linux")
		return
	}
	root := t.TempDir()
	for name, f := range files {
		if f.Typeflag != tar.TypeDir {
			write(t, filepath.Join(root, name), f.data, f.FileInfo().Mode().Perm())
		}
	}
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	run := func(args string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--net", "sh", "-ec", `
			mount --bind "$0" "$0"
			mount -o remount,bind,ro "$0"
			if touch "$0/written" 2>/dev/null; then echo "the root is not read-only" >&2; exit 3; fi
			exec env -i "$(command -v chroot)" --userspec=65532:65532 "$0" /`+program+" "+args, root)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("--help"); err != nil || !strings.Contains(out, "-leader-elect") {
		t.Errorf("--help: %v\n%s", err, out)
	}
	// Without a cluster it reports that, and does not fail because of a missing home, user or temporary directory.
	if out, err := run(""); err == nil || !strings.Contains(out, "logout-operator: cannot load the cluster configuration") {
		t.Errorf("without a cluster: %v\n%s", err, out)
	}
}
