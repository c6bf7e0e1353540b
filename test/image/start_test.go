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

// start runs the program as a kubelet would: as the image's user, or one that the platform chooses, in the image's
// files, which it cannot write, with nothing else in its file system. The end-to-end tests do the same with a kubelet.
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
	run := func(user, args string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--net", "sh", "-ec", `
			mount --bind "$0" "$0"
			mount -o remount,bind,ro "$0"
			if touch "$0/written" 2>/dev/null; then echo "the root is not read-only" >&2; exit 3; fi
			exec env -i "$(command -v chroot)" --userspec=`+user+` "$0" /`+program+" "+args, root)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, user := range []string{"65532:65532", "1000700000:0"} { // OpenShift chooses a user, of the group root
		if out, err := run(user, "--help"); err != nil || !strings.Contains(out, "-leader-elect") {
			t.Errorf("%s: --help: %v\n%s", user, err, out)
		}
		// Without a cluster it reports that, and does not fail because of a missing home, user or temporary directory.
		if out, err := run(user, ""); err == nil ||
			!strings.Contains(out, "logout-operator: cannot load the cluster configuration") {
			t.Errorf("%s: without a cluster: %v\n%s", user, err, out)
		}
	}
}
