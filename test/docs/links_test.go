package docs

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// TestLinks: every link to this project's own files, and to a heading in them, has an existing target.
func TestLinks(t *testing.T) {
	all := pages(t)
	for _, p := range all {
		for _, link := range p.links {
			target, fragment, ok := local(t, p, link)
			if !ok {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s, which does not exist", p.path, link)
			} else if to, isPage := all[target]; isPage && fragment != "" && !to.anchors[fragment] {
				t.Errorf("%s links to %s, and there is no such heading", p.path, link)
			}
		}
	}
}

// TestIndex: docs/README.md, or the README.md of its folder, links to every page of docs/.
func TestIndex(t *testing.T) {
	const index = "docs/README.md"
	all := pages(t)
	linked := map[string]map[string]bool{} // by the linking page
	for _, p := range all {
		linked[p.path] = map[string]bool{}
		for _, link := range p.links {
			if target, _, ok := local(t, p, link); ok {
				linked[p.path][target] = true
			}
		}
	}
	for name := range all {
		if !strings.HasPrefix(name, "docs/") || name == index {
			continue
		}
		if !linked[index][name] && !linked[path.Join(path.Dir(name), "README.md")][name] {
			t.Errorf("%s does not link to %s", index, name)
		}
	}
}

// local returns the file that a link of a page leads to, relative to the project's folder, and the fragment; false if
// it leads elsewhere.
func local(t *testing.T, p page, link string) (target, fragment string, ok bool) {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Errorf("%s links to %s: %v", p.path, link, err)
		return "", "", false
	}
	if u.Scheme != "" || u.Host != "" {
		return "", "", false
	}
	if u.Path == "" {
		return p.path, u.Fragment, true
	}
	return path.Join(path.Dir(p.path), u.Path), u.Fragment, true
}
