package observability

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// runbookURL is the address of the pages in alerts.
const runbookURL = "https://github.com/logout-operator/logout-operator/blob/main/docs/runbook/"

// runbook returns the names of the pages, without the table of contents.
func runbook(t *testing.T) []string {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(root, "docs", "runbook"))
	if err != nil {
		t.Fatal(err)
	}
	var pages []string
	for _, f := range files {
		if f.Name() != "README.md" {
			pages = append(pages, f.Name())
		}
	}
	return pages
}

// reasons returns the values of the API's Reason constants by their names.
func reasons(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "conditions.go", read(t, "api", "v1alpha1", "conditions.go"), 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			if !strings.HasPrefix(name.Name, "Reason") {
				continue
			}
			literal, ok := spec.Values[i].(*ast.BasicLit)
			if !ok {
				t.Fatalf("%s is no literal", name.Name)
			}
			if found[name.Name], err = strconv.Unquote(literal.Value); err != nil {
				t.Fatal(err)
			}
		}
		return true
	})
	if len(found) == 0 {
		t.Fatal("api/v1alpha1/conditions.go has no reasons")
	}
	return found
}

// TestRunbook: every reason has a page, and so has every alert that is not about a reason. There are no other pages,
// each page has its sections, and the table of contents links to all of them.
func TestRunbook(t *testing.T) {
	var wanted []string
	for _, reason := range reasons(t) {
		wanted = append(wanted, reason+".md")
	}
	for _, r := range alerts(t) {
		if page := filepath.Base(r.Annotations["runbook_url"]); !slices.Contains(wanted, page) {
			wanted = append(wanted, page)
		}
	}
	pages := runbook(t)
	contents := string(read(t, "docs", "runbook", "README.md"))
	for _, page := range wanted {
		if !slices.Contains(pages, page) {
			t.Errorf("there is no docs/runbook/%s", page)
		}
	}
	for _, page := range pages {
		if !slices.Contains(wanted, page) {
			t.Errorf("docs/runbook/%s is about no reason and no alert", page)
		}
		if !strings.Contains(contents, "("+page+")") {
			t.Errorf("docs/runbook/README.md has no link to %s", page)
		}
		text := string(read(t, "docs", "runbook", page))
		title, _, _ := strings.Cut(text, "\n")
		if want := "# " + strings.TrimSuffix(page, ".md"); title != want {
			t.Errorf("docs/runbook/%s begins with %q, not with %q", page, title, want)
		}
		for _, part := range []string{"What the operator does", "How to look", "What to do", "What not to do"} {
			if !strings.Contains(text, "\n## "+part+"\n") {
				t.Errorf("docs/runbook/%s does not say: %s", page, part)
			}
		}
		for _, link := range regexp.MustCompile(`\]\((\w+\.md)\)`).FindAllStringSubmatch(text, -1) {
			if !slices.Contains(pages, link[1]) {
				t.Errorf("docs/runbook/%s has a link to %s, which is not there", page, link[1])
			}
		}
		if lines := strings.Count(text, "\n"); lines < 15 || lines > 50 {
			t.Errorf("docs/runbook/%s has %d lines", page, lines)
		}
	}
}

// TestRunbookQueries: the queries on the pages, one on each line, query existing metrics.
func TestRunbookQueries(t *testing.T) {
	var queries []string
	for _, page := range runbook(t) {
		_, blocks, found := strings.Cut(string(read(t, "docs", "runbook", page)), "```promql\n")
		if !found {
			t.Errorf("docs/runbook/%s has no query", page)
		}
		for found {
			var block string
			block, blocks, _ = strings.Cut(blocks, "\n```")
			queries = append(queries, strings.Split(block, "\n")...)
			_, blocks, found = strings.Cut(blocks, "```promql\n")
		}
	}
	checkQueries(t, queries)
}
