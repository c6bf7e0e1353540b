package observability

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/logout-operator/logout-operator/test/harness/controlplane"
)

// ruleFile is the part of a rule file that the tests need.
type ruleFile struct {
	Groups []struct {
		Rules []rule `json:"rules"`
	} `json:"groups"`
}

type rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// alerts returns the rules.
func alerts(t *testing.T) []rule {
	t.Helper()
	var file ruleFile
	if err := yaml.Unmarshal(read(t, "config", "prometheus", "rules.yaml"), &file); err != nil {
		t.Fatal(err)
	}
	var all []rule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("rules.yaml has no rules")
	}
	return all
}

// TestRules makes promtool check the rules and run their own tests. Each alert needs two: that it fires and that it
// does not.
func TestRules(t *testing.T) {
	t.Log(promtool(t, "check", "rules", "--lint=all", "--lint-fatal", "config/prometheus/rules.yaml"))
	t.Log(promtool(t, "test", "rules", "config/prometheus/rules_test.yaml"))

	var file struct {
		Tests []struct {
			Cases []struct {
				Alert    string `json:"alertname"`
				Expected []any  `json:"exp_alerts"`
			} `json:"alert_rule_test"`
		} `json:"tests"`
	}
	if err := yaml.Unmarshal(read(t, "config", "prometheus", "rules_test.yaml"), &file); err != nil {
		t.Fatal(err)
	}
	fires, doesNot := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, c := range test.Cases {
			if len(c.Expected) > 0 {
				fires[c.Alert] = true
			} else {
				doesNot[c.Alert] = true
			}
		}
	}
	for _, r := range alerts(t) {
		if !fires[r.Alert] || !doesNot[r.Alert] {
			t.Errorf("rules_test.yaml shows that %s fires: %t, that it does not: %t", r.Alert, fires[r.Alert],
				doesNot[r.Alert])
		}
	}
}

// TestRulesForPeople: every alert says what happened, how severe it is, and where to read on.
func TestRulesForPeople(t *testing.T) {
	for _, r := range alerts(t) {
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s has no summary or no description", r.Alert)
		}
		if !slices.Contains([]string{"critical", "warning"}, r.Labels["severity"]) {
			t.Errorf("%s has severity %q", r.Alert, r.Labels["severity"])
		}
		if page, found := strings.CutPrefix(r.Annotations["runbook_url"], runbookURL); !found ||
			!slices.Contains(runbook(t), path.Base(page)) {
			t.Errorf("%s: there is no page %s", r.Alert, r.Annotations["runbook_url"])
		}
	}
}

// TestRulesQueries: the rules query existing metrics.
func TestRulesQueries(t *testing.T) {
	var queries []string
	for _, r := range alerts(t) {
		queries = append(queries, r.Expr)
	}
	checkQueries(t, queries)
}

// TestKustomization renders config/prometheus: the PrometheusRule contains the rules.
func TestKustomization(t *testing.T) {
	rendered := objects(t, "config/prometheus")
	if kinds := slices.Sorted(maps.Keys(rendered)); !slices.Equal(kinds,
		[]string{"PrometheusRule logout-operator", "ServiceMonitor logout-operator"}) {
		t.Fatalf("config/prometheus has %v", kinds)
	}
	var rules any
	if err := sigsyaml.Unmarshal(read(t, "config", "prometheus", "rules.yaml"), &rules); err != nil {
		t.Fatal(err)
	}
	want, got := marshal(t, rules), marshal(t, rendered["PrometheusRule logout-operator"]["spec"])
	if want != got {
		t.Error("the PrometheusRule is not what rules.yaml says: run make alerts")
	}
}

// TestServiceMonitor: it selects the Service of the metrics and one of its ports, as config/default defines them.
func TestServiceMonitor(t *testing.T) {
	var monitor struct {
		Metadata struct{ Namespace string }
		Spec     struct {
			Selector  struct{ MatchLabels map[string]string }
			Endpoints []struct{ Port, Scheme string }
		}
	}
	var service struct {
		Metadata struct {
			Namespace string
			Labels    map[string]string
		}
		Spec struct{ Ports []struct{ Name string } }
	}
	found := objects(t, "config/default")["Service logout-operator-metrics"]
	if found == nil {
		t.Fatal("config/default has no Service yet")
	}
	for from, to := range map[string]any{
		marshal(t, objects(t, "config/prometheus")["ServiceMonitor logout-operator"]): &monitor,
		marshal(t, found): &service,
	} {
		if err := sigsyaml.Unmarshal([]byte(from), to); err != nil {
			t.Fatal(err)
		}
	}
	if monitor.Metadata.Namespace != service.Metadata.Namespace || len(monitor.Spec.Selector.MatchLabels) == 0 {
		t.Errorf("the ServiceMonitor is in namespace %s and selects by %v", monitor.Metadata.Namespace,
			monitor.Spec.Selector.MatchLabels)
	}
	for label, value := range monitor.Spec.Selector.MatchLabels {
		if service.Metadata.Labels[label] != value {
			t.Errorf("the Service has not the label %s=%s that the ServiceMonitor selects by, but %v", label, value,
				service.Metadata.Labels)
		}
	}
	if len(monitor.Spec.Endpoints) != 1 || monitor.Spec.Endpoints[0].Scheme != "https" {
		t.Fatalf("the ServiceMonitor has endpoints %v", monitor.Spec.Endpoints)
	}
	if port := monitor.Spec.Endpoints[0].Port; !slices.ContainsFunc(service.Spec.Ports,
		func(p struct{ Name string }) bool { return p.Name == port }) {
		t.Errorf("the Service has no port %s, but %v", port, service.Spec.Ports)
	}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	text, err := sigsyaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// objects renders a folder and returns its objects by kind and name.
func objects(t *testing.T, dir string) map[string]map[string]any {
	t.Helper()
	rendered, err := controlplane.Kustomize(path.Join(root, dir))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]any{}
	for document := range strings.SplitSeq(string(rendered), "\n---\n") {
		var obj struct {
			Kind     string
			Metadata struct{ Name string }
		}
		var all map[string]any
		if err := sigsyaml.Unmarshal([]byte(document), &obj); err != nil {
			t.Fatal(err)
		}
		if err := sigsyaml.Unmarshal([]byte(document), &all); err != nil {
			t.Fatal(err)
		}
		found[obj.Kind+" "+obj.Metadata.Name] = all
	}
	return found
}
