package faults

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/logout-operator/logout-operator/test/harness/gotool"
)

// overlay replaces source files for a build of the operator, for faults that cannot be injected from outside.
type overlay struct {
	dir     string
	replace map[string]string // the replacement files, by the path of the original
}

func newOverlay(t *testing.T) *overlay {
	return &overlay{dir: t.TempDir(), replace: map[string]string{}}
}

// change replaces parts of a file: old, new, old, new. Each old part must occur exactly once, so that a change that no
// longer applies fails the test.
func (o *overlay) change(t *testing.T, path string, oldnew ...string) {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(source)
	for i := 0; i < len(oldnew); i += 2 {
		if n := strings.Count(text, oldnew[i]); n != 1 {
			t.Fatalf("%s has %d times %q, want once", path, n, oldnew[i])
		}
		text = strings.Replace(text, oldnew[i], oldnew[i+1], 1)
	}
	o.write(t, path, text)
}

// write replaces a file, or adds a new one.
func (o *overlay) write(t *testing.T, path, text string) {
	t.Helper()
	file := filepath.Join(o.dir, strings.ReplaceAll(strings.Trim(path, "/"), string(filepath.Separator), "-"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o.replace[path] = file
}

// build builds the operator with the changes and returns its path.
func (o *overlay) build(t *testing.T, race string) string {
	t.Helper()
	program := filepath.Join(o.dir, "logout-operator")
	o.compile(t, race, "-o", program, "./cmd/logout-operator")
	return program
}

// compile compiles packages with the changes.
func (o *overlay) compile(t *testing.T, args ...string) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"Replace": o.replace})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(o.dir, "overlay.json")
	if err := os.WriteFile(list, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := gotool.Run(t.Context(), moduleRoot(t),
		append([]string{"build", "-overlay=" + list}, args...)...); err != nil {
		t.Fatal(err)
	}
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := gotool.ModuleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func goRoot(t *testing.T) string {
	t.Helper()
	root, err := gotool.Run(t.Context(), "", "env", "GOROOT")
	if err != nil {
		t.Fatal(err)
	}
	return root
}
