package image_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestOneGo requires that the Dockerfile and the workflows use the Go version of go.mod.
func TestOneGo(t *testing.T) {
	root := moduleRoot(t)
	mod := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, root, "go.mod"))
	if mod == nil {
		t.Fatal("no go version in go.mod")
	}
	files := append(workflows(t, root), filepath.Join(root, "Dockerfile"))
	mention := regexp.MustCompile(`(?:golang:|go-version: ")(\d[\w.]*)`)
	for _, file := range files {
		found := mention.FindAllStringSubmatch(read(t, file), -1)
		if len(found) == 0 {
			t.Errorf("%s: no version of Go", file)
		}
		for _, m := range found {
			if m[1] != mod[1] {
				t.Errorf("%s: Go %s, but go.mod has %s", file, m[1], mod[1])
			}
		}
	}
}

// TestDockerfile requires that the Dockerfile's image starts as ko's does.
func TestDockerfile(t *testing.T) {
	dockerfile := read(t, moduleRoot(t), "Dockerfile")
	for _, want := range []string{"\nFROM scratch\n", "\nUSER 65532:65532\n", "\nENTRYPOINT [\"/" + program + "\"]\n",
		"CGO_ENABLED=0"} {
		if !strings.Contains(dockerfile, want) {
			t.Errorf("no %q", want)
		}
	}
}

// TestActionsArePinned requires that the workflows pin every action by commit, because a tag can be moved, with its
// version in a comment for readers.
func TestActionsArePinned(t *testing.T) {
	pinned := regexp.MustCompile(`@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	for _, file := range workflows(t, moduleRoot(t)) {
		for line := range strings.Lines(read(t, file)) {
			if line = strings.TrimSpace(line); strings.Contains(line, "uses:") && !pinned.MatchString(line) {
				t.Errorf("%s: %s", file, line)
			}
		}
	}
}

func workflows(t *testing.T, root string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, ".github/workflows/*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("workflows %v (%v)", files, err)
	}
	return files
}
