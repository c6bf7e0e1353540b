package assets

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFindPrefersKubebuilderAssets(t *testing.T) {
	dir := t.TempDir()
	makePrograms(t, dir)
	t.Setenv("KUBEBUILDER_ASSETS", dir)
	var progress bytes.Buffer
	got, err := Find(t.Context(), &progress)
	if err != nil || got != dir || progress.Len() > 0 {
		t.Errorf("got %q, %v, progress %q; want %q in silence", got, err, &progress, dir)
	}

	t.Chdir(filepath.Dir(dir))
	t.Setenv("KUBEBUILDER_ASSETS", filepath.Base(dir))
	if got, err := Find(t.Context(), io.Discard); err != nil || got != dir {
		t.Errorf("relative: got %q, %v; want %q", got, err, dir)
	}
}

func TestFindSaysWhyKubebuilderAssetsIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	makePrograms(t, dir)
	if err := os.Remove(filepath.Join(dir, "etcd")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBEBUILDER_ASSETS", dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // Find must not continue with a download or build
	var progress bytes.Buffer
	if got, err := Find(ctx, &progress); err == nil {
		t.Errorf("got %q from an incomplete directory", got)
	}
	if want := filepath.Join(dir, "etcd"); !strings.Contains(progress.String(), want) {
		t.Errorf("progress %q does not name %s", &progress, want)
	}
}

func TestFindReadsVersionsFromThePins(t *testing.T) {
	repo, err := openRepository(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(repo.kubernetes, "v1.") || !strings.HasPrefix(repo.etcd, "v3.") {
		t.Errorf("kubernetes %q, etcd %q: not two versions", repo.kubernetes, repo.etcd)
	}
	if got := (repository{kubernetes: "v1.37.2"}).minor(); got != "1.37" {
		t.Errorf("minor of v1.37.2 = %q, want 1.37", got)
	}
}

func TestCacheTriesSourcesInOrderOnce(t *testing.T) {
	var calls []string
	c := cache{
		dir: filepath.Join(t.TempDir(), "a", "b"),
		sources: []source{
			{"first", func(context.Context, string) error {
				calls = append(calls, "first")
				return errors.New("no network")
			}},
			// This source creates no programs.
			{"second", func(context.Context, string) error { calls = append(calls, "second"); return nil }},
			{"third", func(_ context.Context, dir string) error {
				calls = append(calls, "third")
				makePrograms(t, dir)
				return nil
			}},
			{"fourth", func(context.Context, string) error { calls = append(calls, "fourth"); return nil }},
		},
	}
	var progress bytes.Buffer
	for range 2 {
		if err := c.fill(t.Context(), &progress); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(calls, " "); got != "first second third" {
		t.Errorf("tried %s; want each until one succeeds, and none the second time", got)
	}
	if !strings.Contains(progress.String(), "no network") {
		t.Errorf("progress %q does not say why the first was given up", &progress)
	}
	if err := complete(c.dir); err != nil {
		t.Error(err)
	}
	expectOnly(t, filepath.Dir(c.dir), "b")
}

func TestCacheReplacesAnIncompleteDirectory(t *testing.T) {
	c := cache{dir: filepath.Join(t.TempDir(), "c")}
	c.sources = []source{{"make", func(_ context.Context, dir string) error { makePrograms(t, dir); return nil }}}
	if err := os.MkdirAll(filepath.Join(c.dir, "etcd"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := c.fill(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := complete(c.dir); err != nil {
		t.Error(err)
	}
}

func TestCacheLetsTheQuickerProcessWin(t *testing.T) {
	c := cache{dir: filepath.Join(t.TempDir(), "c")}
	c.sources = []source{{"make", func(_ context.Context, dir string) error {
		makePrograms(t, dir)
		makePrograms(t, c.dir) // as another process would do meanwhile
		return os.WriteFile(filepath.Join(c.dir, "quicker"), nil, 0o600)
	}}}
	if err := c.fill(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(c.dir, "quicker")); err != nil {
		t.Error("the directory that the other process may already use was replaced")
	}
	expectOnly(t, filepath.Dir(c.dir), "c")
}

func TestCacheStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := cache{dir: filepath.Join(t.TempDir(), "c")}
	c.sources = []source{
		{"slow", func(ctx context.Context, _ string) error { cancel(); return ctx.Err() }},
		{"next", func(context.Context, string) error { t.Error("tried after the cancellation"); return nil }},
	}
	if err := c.fill(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	expectOnly(t, filepath.Dir(c.dir))
}

func TestCacheReportsEveryFailure(t *testing.T) {
	c := cache{dir: filepath.Join(t.TempDir(), "c")}
	for _, why := range []string{"no network", "no compiler"} {
		c.sources = append(c.sources, source{"trying", func(context.Context, string) error { return errors.New(why) }})
	}
	err := c.fill(t.Context(), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "no network") || !strings.Contains(err.Error(), "no compiler") {
		t.Errorf("got %v, want both reasons", err)
	}
}

func TestReportGivesSignsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var progress bytes.Buffer
		want := errors.New("in the end")
		err := report(&progress, "building", func() error {
			<-time.After(25 * time.Second)
			return want
		})
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		const lines = "control plane: building\ncontrol plane: building: 10s so far\ncontrol plane: building: 20s so far\n"
		if progress.String() != lines {
			t.Errorf("progress is\n%swant\n%s", &progress, lines)
		}
	})
}

// makePrograms creates files with the names of the programs in dir, which it creates if needed.
func makePrograms(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Error(err)
	}
	for _, name := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o700); err != nil {
			t.Error(err)
		}
	}
}

// expectOnly fails the test if dir holds anything but want.
func expectOnly(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}
