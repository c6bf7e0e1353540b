package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestMakeTargets: every make target that a page names exists.
func TestMakeTargets(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`).FindAllStringSubmatch(string(makefile), -1) {
		targets[m[1]] = true
	}
	command := regexp.MustCompile(`^make((?: +[a-z][a-z0-9-]*)+)`)
	for _, p := range pages(t) {
		lines := p.spans
		for _, b := range p.blocks {
			lines = append(lines, strings.Split(b.code, "\n")...)
		}
		for _, line := range lines {
			m := command.FindStringSubmatch(strings.TrimSpace(line))
			if m == nil {
				continue
			}
			for _, target := range strings.Fields(m[1]) {
				if !targets[target] {
					t.Errorf("%s says make %s, and the Makefile has no such target", p.path, target)
				}
			}
		}
	}
}

// TestNamedTests: every test that a page names as evidence exists.
func TestNamedTests(t *testing.T) {
	exist := map[string]bool{}
	declaration := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	for _, path := range files(t, "_test.go") {
		source, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range declaration.FindAllStringSubmatch(string(source), -1) {
			exist[m[1]] = true
		}
	}
	name := regexp.MustCompile(`^(Test|Fuzz|Benchmark)[A-Z]\w*$`)
	for _, p := range pages(t) {
		for _, span := range p.spans {
			if name.MatchString(span) && !exist[span] {
				t.Errorf("%s names %s, which does not exist", p.path, span)
			}
		}
	}
}

// TestNamedSymbols: every function, method and type of this module that a page names, such as Wire.Call or
// httpcall.ReasonOf, exists.
func TestNamedSymbols(t *testing.T) {
	exist, ours := map[string]bool{}, map[string]bool{} // ours are our packages and types
	clause := regexp.MustCompile(`(?m)^package (\w+)`)
	declaration := regexp.MustCompile(`(?m)^(?:func (?:\((?:\w+ )?\*?(\w+).*?\) )?|type )([A-Z]\w*)`)
	for _, path := range files(t, ".go") {
		source, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		name := string(clause.FindSubmatch(source)[1])
		ours[name] = true
		for _, m := range declaration.FindAllStringSubmatch(string(source), -1) {
			ours[m[2]] = true
			if m[1] != "" {
				exist[m[1]+"."+m[2]] = true
			}
			exist[name+"."+m[2]] = true
		}
	}
	symbol, found := regexp.MustCompile(`^\*?((\w+)\.[A-Z]\w+)$`), 0
	for _, p := range pages(t) {
		for _, span := range p.spans {
			m := symbol.FindStringSubmatch(span)
			if m == nil || m[2] == strings.ToLower(m[2]) && !ours[m[2]] { // a package of others
				continue
			}
			if found++; !exist[m[1]] {
				t.Errorf("%s names %s, which does not exist", p.path, span)
			}
		}
	}
	if found == 0 {
		t.Error("no page names a symbol")
	}
}
