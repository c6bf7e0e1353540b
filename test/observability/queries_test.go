package observability

import (
	"bytes"
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The selectors of an expression, as hack/promtool/selectors prints them.
type expression struct {
	Selectors []struct {
		Metric   string
		Matchers []matcher
	}
	Grouping []string
}

type matcher struct{ Label, Op, Value string }

// placeholders are variables that Grafana replaces before it queries Prometheus.
var placeholders = strings.NewReplacer("$__rate_interval", "5m", "$provider", ".*")

// targetLabels are the labels that Prometheus itself adds to every series, because of the ServiceMonitor.
var targetLabels = []string{"container", "endpoint", "instance", "job", "namespace", "pod", "service"}

// checkQueries compares PromQL expressions with the served metrics: the metrics exist, with the labels in the
// expression, and with at least one series for each value in it.
func checkQueries(t *testing.T, queries []string) {
	t.Helper()
	plain := make([]string, len(queries))
	for i, q := range queries {
		plain[i] = placeholders.Replace(q)
	}
	for i, e := range parse(t, plain) {
		if len(e.Selectors) == 0 {
			t.Errorf("%s: asks for no metric", queries[i])
		}
		labels := slices.Clone(targetLabels)
		for _, s := range e.Selectors {
			if served[s.Metric] == nil {
				t.Errorf("%s: no metric %q is served", queries[i], s.Metric)
				continue
			}
			for _, series := range served[s.Metric] {
				labels = slices.AppendSeq(labels, maps.Keys(series))
			}
			for _, m := range s.Matchers {
				checkMatcher(t, queries[i], s.Metric, m)
			}
		}
		for _, l := range e.Grouping {
			if !slices.Contains(labels, l) {
				t.Errorf("%s: none of its metrics has a label %q", queries[i], l)
			}
		}
	}
}

// checkMatcher: the label exists, and so does each value in the matcher: among the series or, because the stage does
// not cause every possible failure, among the reasons of the API.
func checkMatcher(t *testing.T, query, metric string, m matcher) {
	t.Helper()
	values := served.values(metric, m.Label)
	if len(values) == 0 {
		t.Errorf("%s: %s has no label %q", query, metric, m.Label)
		return
	}
	if metric == ours+"calls_total" && m.Label == "reason" {
		values = append(values, slices.Collect(maps.Values(reasons(t)))...)
	}
	wanted := []string{m.Value}
	if strings.HasSuffix(m.Op, "~") {
		wanted = strings.Split(m.Value, "|")
	}
	for _, w := range wanted {
		exactly, err := regexp.Compile("^(?:" + w + ")$")
		if err != nil || !slices.ContainsFunc(values, exactly.MatchString) {
			t.Errorf("%s: the label %s of %s has no value %q, but %v", query, m.Label, metric, w, values)
		}
	}
}

// parse parses the expressions with Prometheus' own parser.
func parse(t *testing.T, expressions []string) []expression {
	t.Helper()
	in, err := json.Marshal(expressions)
	if err != nil {
		t.Fatal(err)
	}
	var parsed []expression
	out := run(t, bytes.NewReader(in), "./selectors")
	if err := json.Unmarshal(out, &parsed); err != nil || len(parsed) != len(expressions) {
		t.Fatalf("%d expressions of %d: %v", len(parsed), len(expressions), err)
	}
	return parsed
}

// promtool runs promtool in this project's folder and returns its output.
func promtool(t *testing.T, args ...string) string {
	t.Helper()
	for i, a := range args {
		if strings.HasPrefix(a, "config/") {
			args[i] = filepath.Join(root, a)
		}
	}
	return string(run(t, nil, append([]string{"github.com/prometheus/prometheus/cmd/promtool"}, args...)...))
}

// run runs a program of the module hack/promtool. The tag excludes the clients of all clouds in which Prometheus can
// discover targets, and the time to compile them.
func run(t *testing.T, in *bytes.Reader, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"run", "-tags=remove_all_sd"}, args...)...)
	cmd.Dir = filepath.Join(root, "hack", "promtool")
	cmd.Env = append(cmd.Environ(), "GOWORK=off")
	if in != nil {
		cmd.Stdin = in
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", args, err, out, &stderr)
	}
	return out
}
