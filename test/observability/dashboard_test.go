package observability

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// dashboard is the part of the dashboard that the tests need.
type dashboard struct {
	Templating struct {
		List []struct {
			Name, Type, Definition string
			Query                  any
		}
	}
	Panels []struct {
		ID                       int
		Title, Type, Description string
		Datasource               datasource
		GridPos                  struct{ X, Y, W, H int }
		Targets                  []struct {
			Expr       string
			Datasource datasource
		}
	}
}

type datasource struct{ Type, UID string }

// readDashboard reads the dashboard in config/grafana.
func readDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.NewDecoder(bytes.NewReader(read(t, "config", "grafana", "logout-operator.json"))).Decode(
		&d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDashboardQueries: the panels and the list of providers query existing metrics.
func TestDashboardQueries(t *testing.T) {
	d := readDashboard(t)
	var queries []string
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			queries = append(queries, target.Expr)
		}
	}
	for _, v := range d.Templating.List {
		if inner, found := strings.CutPrefix(v.Definition, "label_values("); found {
			metric, label, _ := strings.Cut(strings.TrimSuffix(inner, ")"), ", ")
			queries = append(queries, "sum by ("+label+") ("+metric+")")
		}
	}
	checkQueries(t, queries)
}

// TestDashboardPanels: each panel has a description, queries the chosen data source, and filters by the chosen
// providers wherever a metric has that label.
func TestDashboardPanels(t *testing.T) {
	d := readDashboard(t)
	var variables []string
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name)
	}
	if !slices.Equal(variables, []string{"datasource", "provider"}) {
		t.Errorf("the variables are %v", variables)
	}
	chosen := datasource{Type: "prometheus", UID: "${datasource}"}
	ids := map[int]bool{}
	var queries []string
	for i, p := range d.Panels {
		if p.Title == "" || len(p.Description) < 30 || len(p.Targets) == 0 || ids[p.ID] {
			t.Errorf("panel %d %q lacks a title, a description, a query or an id of its own", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.Datasource != chosen {
			t.Errorf("panel %q asks %v", p.Title, p.Datasource)
		}
		for _, other := range d.Panels[:i] {
			a, b := p.GridPos, other.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("panels %q and %q lie on each other", p.Title, other.Title)
			}
		}
		for _, target := range p.Targets {
			if target.Datasource != chosen {
				t.Errorf("panel %q: %s asks %v", p.Title, target.Expr, target.Datasource)
			}
			queries = append(queries, placeholders.Replace(target.Expr))
		}
	}
	for i, e := range parse(t, queries) {
		for _, s := range e.Selectors {
			if len(served.values(s.Metric, "provider")) > 0 &&
				!slices.Contains(s.Matchers, matcher{"provider", "=~", ".*"}) {
				t.Errorf("%s asks for %s of all providers, whichever are chosen", queries[i], s.Metric)
			}
		}
	}
}
