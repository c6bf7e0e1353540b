package docs

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// TestFlags: the table in docs/install.md has exactly the flags that the program prints, with their defaults.
func TestFlags(t *testing.T) {
	program := filepath.Join(t.TempDir(), "logout-operator")
	if err := operatortest.Build(t.Context(), program, false); err != nil {
		t.Fatal(err)
	}
	help, err := exec.CommandContext(t.Context(), program, "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("--help: %v\n%s", err, help)
	}
	has := map[string]string{}
	// package flag prints the name on a line, then its description, and its default at the end unless that is zero.
	for _, m := range regexp.MustCompile(`(?m)^  -([a-z-]+)( \S+)?\n +\t(.*)$`).FindAllStringSubmatch(
		string(help), -1) {
		has["--"+m[1]] = ""
		if m[2] == "" { // a bool
			has["--"+m[1]] = "false"
		}
		if d := regexp.MustCompile(`\(default "?([^"]*)"?\)$`).FindStringSubmatch(m[3]); d != nil {
			has["--"+m[1]] = d[1]
		}
	}
	if len(has) < 2 || strings.Count(string(help), "\n  -") != len(has) {
		t.Fatalf("cannot read the help:\n%s", help)
	}
	documented := map[string]string{}
	for _, row := range read(t, "docs/install.md").rows {
		if strings.HasPrefix(row[0], "--") {
			documented[row[0]] = row[1]
		}
	}
	for name, value := range has {
		if is, ok := documented[name]; !ok {
			t.Errorf("docs/install.md does not have %s", name)
		} else if is != value {
			t.Errorf("docs/install.md: the default of %s is %q, not %q", name, value, is)
		}
	}
	for name := range documented {
		if _, ok := has[name]; !ok {
			t.Errorf("docs/install.md has %s, which is no flag", name)
		}
	}
}
