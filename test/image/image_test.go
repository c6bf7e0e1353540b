package image_test

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

const (
	program = "ko-app/logout-operator"
	caRoots = "etc/ssl/certs/ca-certificates.crt"
	// maxSize is how many bytes of an image a node has to download. It is a third above the present size.
	maxSize = 18 << 20
)

// file is a file in an image.
type file struct {
	*tar.Header
	data []byte
}

// inspect checks the image that was built in dir.
func inspect(t *testing.T, dir, name string) {
	outer, err := layout.ImageIndexFromPath(filepath.Join(dir, "bin/image"))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(outer); err != nil {
		t.Error(err)
	}
	index := only(t, outer)
	if digest, err := index.Digest(); err != nil || !strings.HasSuffix(name, "@"+digest.String()) {
		t.Errorf("the layout has %s, the release says %s (%v)", digest, name, err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	checkFacts(t, dir, "annotations", manifest.Annotations)
	var platforms []string
	for _, m := range manifest.Manifests {
		platforms = append(platforms, m.Platform.String())
		t.Run(m.Platform.Architecture, func(t *testing.T) {
			img, err := index.Image(m.Digest)
			if err != nil {
				t.Fatal(err)
			}
			checkConfig(t, dir, img, m.Platform.Architecture)
			files := checkFiles(t, img)
			checkProgram(t, files[program].data)
			checkBOM(t, files[program].data,
				read(t, dir, "bin/release/logout-operator-linux-"+m.Platform.Architecture+".spdx.json"))
			checkRoots(t, files[caRoots].data)
			if m.Platform.Architecture == runtime.GOARCH {
				checkTarball(t, dir, img)
				start(t, files)
			}
		})
	}
	if slices.Sort(platforms); !slices.Equal(platforms, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("platforms %v", platforms)
	}
}

// only returns the only image in the layout.
func only(t *testing.T, outer v1.ImageIndex) v1.ImageIndex {
	t.Helper()
	manifest, err := outer.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("%v in the layout, want one image (%v)", manifest, err)
	}
	index, err := outer.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func checkFacts(t *testing.T, dir, what string, facts map[string]string) {
	t.Helper()
	for name, want := range map[string]string{
		"source":   "https://github.com/logout-operator/logout-operator",
		"licenses": "Apache-2.0",
		"version":  version,
		"revision": strings.TrimSpace(git(t, dir, "rev-parse", "HEAD")),
	} {
		if got := facts["org.opencontainers.image."+name]; got != want {
			t.Errorf("%s of the image: %s is %q, want %q", what, name, got, want)
		}
	}
}

func checkConfig(t *testing.T, dir string, img v1.Image, arch string) {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.OS != "linux" || config.Architecture != arch {
		t.Errorf("image for %s/%s", config.OS, config.Architecture)
	}
	if config.Config.User != "65532:65532" {
		t.Errorf("runs as %q", config.Config.User)
	}
	if !slices.Equal(config.Config.Entrypoint, []string{"/" + program}) || config.Config.Cmd != nil {
		t.Errorf("starts %q %q", config.Config.Entrypoint, config.Config.Cmd)
	}
	if got := config.Created.UTC().Format("2006-01-02T15:04:05Z"); got != "2026-01-02T03:04:05Z" {
		t.Errorf("created at %s, not at the time of the commit", got)
	}
	checkFacts(t, dir, "labels", config.Config.Labels)

	layers, err := img.Layers()
	if err != nil || len(layers) != 3 {
		t.Errorf("%d layers, want 3: roots, no data, the program (%v)", len(layers), err)
	}
	var size int64
	for _, layer := range layers {
		n, err := layer.Size()
		if err != nil {
			t.Error(err)
		}
		size += n
	}
	if t.Logf("%d bytes compressed", size); size > maxSize {
		t.Errorf("%d bytes compressed, more than %d", size, maxSize)
	}
}

// checkFiles requires exactly these files, so no shell and no package, all owned by root and writable by nobody else.
func checkFiles(t *testing.T, img v1.Image) map[string]file {
	t.Helper()
	flat := mutate.Extract(img)
	defer func() { _ = flat.Close() }()
	files := map[string]file{}
	var names []string
	var size int
	for r := tar.NewReader(flat); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.Trim(header.Name, "/")
		if header.Uid != 0 || header.Gid != 0 || header.Mode&0o7222 != 0 {
			t.Errorf("%s: owner %d:%d, mode %o", name, header.Uid, header.Gid, header.Mode)
		}
		files[name] = file{header, data}
		size += len(data)
		if header.Typeflag != tar.TypeDir {
			names = append(names, name)
		}
	}
	want := []string{"etc/group", "etc/passwd", caRoots, program}
	if slices.Sort(names); !slices.Equal(names, want) {
		t.Fatalf("files %q, want %q", names, want)
	}
	t.Logf("%d bytes unpacked", size)
	return files
}

// checkProgram requires that the program is static and has its version.
func checkProgram(t *testing.T, data []byte) {
	t.Helper()
	binary, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, segment := range binary.Progs {
		if segment.Type == elf.PT_INTERP || segment.Type == elf.PT_DYNAMIC {
			t.Errorf("not static: it has a segment %s", segment.Type)
		}
	}
	info, err := buildinfo.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if info.Main.Version != version {
		t.Errorf("version %q, want %q", info.Main.Version, version)
	}
	if bytes.Contains(data, []byte(filepath.Dir(moduleRoot(t))+"/")) {
		t.Error("the path of the checkout is in the program")
	}
}

// checkBOM requires every module of the program in the SBOM, with its version.
func checkBOM(t *testing.T, data []byte, bom string) {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		SPDXVersion string
		Packages    []struct {
			Name, VersionInfo string
			ExternalRefs      []struct{ ReferenceLocator string }
		}
	}
	if err := json.Unmarshal([]byte(bom), &document); err != nil {
		t.Fatal(err)
	}
	if document.SPDXVersion != "SPDX-2.3" {
		t.Errorf("SBOM in %q", document.SPDXVersion)
	}
	listed := map[string]bool{}
	for _, p := range document.Packages {
		listed[p.Name+"@"+p.VersionInfo] = true
		for _, ref := range p.ExternalRefs {
			purl, _, _ := strings.Cut(ref.ReferenceLocator, "?")
			listed[purl] = true
		}
	}
	if main := "pkg:golang/" + info.Main.Path + "@" + version; !listed[main] {
		t.Errorf("the SBOM lacks %s", main)
	}
	if len(info.Deps) < 20 {
		t.Errorf("only %d modules in the program", len(info.Deps))
	}
	for _, module := range info.Deps {
		if !listed[module.Path+"@"+module.Version] {
			t.Errorf("the SBOM lacks %s %s", module.Path, module.Version)
		}
	}
}

// checkRoots requires the CA roots of the services that the operator calls.
func checkRoots(t *testing.T, data []byte) {
	t.Helper()
	var names []string
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, certificate.Subject.CommonName)
	}
	if len(names) < 100 || !slices.Contains(names, "Amazon Root CA 1") {
		t.Errorf("%d CA roots, with Amazon Root CA 1: %t", len(names), slices.Contains(names, "Amazon Root CA 1"))
	}
}

// checkTarball requires that the archive for docker load is the same image.
func checkTarball(t *testing.T, dir string, img v1.Image) {
	t.Helper()
	loaded, err := tarball.ImageFromPath(filepath.Join(dir, "bin/image.tar"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := loaded.ConfigName(); err != nil || got != want {
		t.Errorf("bin/image.tar holds image %s, want %s (%v)", got, want, err)
	}
}
