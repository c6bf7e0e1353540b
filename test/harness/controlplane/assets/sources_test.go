package assets

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// indexServer serves an index of one release, v1.37.1, and its archive. The index has the given hash, or the right one
// if that is empty.
func indexServer(t *testing.T, hash string) *httptest.Server {
	t.Helper()
	archive := envtestArchive(t)
	if hash == "" {
		hash = fmt.Sprintf("%x", sha512.Sum512(archive))
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	name := fmt.Sprintf("envtest-v1.37.1-%s-%s.tar.gz", runtime.GOOS, runtime.GOARCH)
	mux.HandleFunc("/index.yaml", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "releases: {v1.37.1: {%s: {hash: %s, selfLink: %s/%s}}}\n", name, hash, server.URL, name)
	})
	mux.HandleFunc("/"+name, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive) })
	return server
}

// envtestArchive has the layout of the archives of the controller-tools releases.
func envtestArchive(t *testing.T) []byte {
	t.Helper()
	var buf bytes.Buffer
	zipped := gzip.NewWriter(&buf)
	files := tar.NewWriter(zipped)
	for _, name := range append([]string{"kubectl"}, programs...) {
		header := &tar.Header{Name: "controller-tools/envtest/" + name, Mode: 0o755, Size: int64(len(name)),
			Typeflag: tar.TypeReg}
		if err := files.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := files.Write([]byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestDownload(t *testing.T) {
	repo, err := openRepository(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	repo.kubernetes = "v1.37.9" // another patch than in the index
	dir := t.TempDir()
	if err := repo.downloaded(indexServer(t, "").URL+"/index.yaml").fetch(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	expectOnly(t, dir, "etcd", "kube-apiserver")
	for _, name := range programs {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != name {
			t.Errorf("%s holds %q (%v)", name, got, err)
		}
	}
}

func TestDownloadThatIsNotWhatTheIndexPromises(t *testing.T) {
	repo, err := openRepository(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	repo.kubernetes = "v1.37.9"
	wrong := strings.Repeat("0", 2*sha512.Size)
	err = repo.downloaded(indexServer(t, wrong).URL+"/index.yaml").fetch(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("got %v, want a checksum error", err)
	}
}

func TestDownloadGivesUpWithoutAnIndex(t *testing.T) {
	server := indexServer(t, "")
	for name, url := range map[string]string{
		"refused": "http://127.0.0.1:1/index.yaml",
		"missing": server.URL + "/elsewhere.yaml",
	} {
		t.Run(name, func(t *testing.T) {
			// Without a root, running any tool would fail with another error.
			err := repository{kubernetes: "v1.37.2"}.downloaded(url).fetch(t.Context(), t.TempDir())
			if err == nil || !strings.Contains(err.Error(), url) {
				t.Errorf("got %v, want an error about %s", err, url)
			}
		})
	}
}
