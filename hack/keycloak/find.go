package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// The distribution that the tests run, and the SHA-256 of its zip file. To change the version, change both, and run
// make keycloak.
const (
	version  = "26.7.3"
	checksum = "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f"
)

const (
	artifact  = "org.keycloak:keycloak-quarkus-dist:" + version + ":zip"
	copyGoal  = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
	leastJava = 17
)

// program is what runs a Keycloak, in its folder.
var program = filepath.Join("bin", "kc.sh")

// find returns the folder of a built Keycloak, or what is missing on this machine to have one.
func find(ctx context.Context) (home, missing string, err error) {
	if missing = lacksJava(ctx); missing != "" {
		return "", missing, nil
	}
	userCache, err := os.UserCacheDir()
	if err != nil {
		return "", "", fmt.Errorf("finding a place for Keycloak: %w", err)
	}
	home = filepath.Join(userCache, "logout-operator", "keycloak-"+version)
	if complete(home) {
		return home, "", nil
	}
	if _, err := exec.LookPath("mvn"); err != nil {
		return "", "no Maven (mvn)", nil
	}
	return home, "", fill(ctx, home)
}

func complete(home string) bool {
	info, err := os.Stat(filepath.Join(home, program))
	return err == nil && info.Mode().IsRegular()
}

// lacksJava says what is missing of a Java that can run Keycloak. It looks where kc.sh looks.
func lacksJava(ctx context.Context) string {
	java := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		java = filepath.Join(home, "bin", java)
	}
	out, err := exec.CommandContext(ctx, java, "-version").CombinedOutput()
	if err != nil { // also that of macOS, which only says where to get one
		return "no Java"
	}
	found := regexp.MustCompile(`version "(\d+)`).FindSubmatch(out)
	if found == nil {
		return fmt.Sprintf("no Java that says its version: %q", out)
	}
	if major, _ := strconv.Atoi(string(found[1])); major < leastJava {
		return fmt.Sprintf("no Java %d or later, only %d", leastJava, major)
	}
	return ""
}

// fill fetches and builds a Keycloak, and puts it into place when it is complete.
func fill(ctx context.Context, home string) error {
	if err := os.MkdirAll(filepath.Dir(home), 0o700); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(home), ".unfinished-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	say("fetching Keycloak %s (170 MB)", version)
	if err := run(ctx, tmp, "mvn", "-B", "-ntp", copyGoal, "-Dartifact="+artifact, "-DoutputDirectory="+tmp); err != nil {
		return fmt.Errorf("fetching %s: %w", artifact, err)
	}
	zip := filepath.Join(tmp, "keycloak-quarkus-dist-"+version+".zip")
	if err := verify(zip, checksum); err != nil {
		return err
	}
	if err := unpack(zip, tmp); err != nil {
		return fmt.Errorf("unpacking %s: %w", artifact, err)
	}
	say("building Keycloak %s (half a minute)", version)
	unpacked := filepath.Join(tmp, "keycloak-"+version)
	if err := run(ctx, unpacked, filepath.Join(unpacked, program), "build", "--db=dev-file",
		"--health-enabled=true"); err != nil {
		return fmt.Errorf("building Keycloak: %w", err)
	}
	if err := os.Rename(unpacked, home); err != nil && !complete(home) { // another process may have been faster
		return err
	}
	return nil
}

// run runs a command, whose output only an error shows.
func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // kc.sh passes it on to Java
	cmd.WaitDelay = 10 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, bytes.TrimSpace(out))
	}
	return nil
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "keycloak: "+format+"\n", args...) }
